#!/bin/sh
# Makes the certificates that the sender's tests use; valid for 100 years, trusted by nobody else.
# receiver.pem is for receiver.test, signed by authority.pem, whose key is thrown away.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
  -keyout authority.key -out authority.pem -subj "/CN=Ringback test authority" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
  -keyout receiver.key -out receiver.csr -subj "/CN=receiver.test"
printf '%s\n' "subjectAltName=DNS:receiver.test" "basicConstraints=critical,CA:FALSE" \
  "keyUsage=critical,digitalSignature" "extendedKeyUsage=serverAuth" \
  "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" > receiver.ext
openssl x509 -req -in receiver.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
  -days 36500 -extfile receiver.ext -out receiver.pem
rm -f receiver.csr receiver.ext authority.srl authority.key
