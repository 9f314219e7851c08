// Matrices of four rows and four columns, column by column, as WebGL takes them.
export function mul(one, other) {
  const product = new Float32Array(16);
  for (let column = 0; column < 4; column += 1)
    for (let row = 0; row < 4; row += 1)
      for (let step = 0; step < 4; step += 1)
        product[column * 4 + row] += one[step * 4 + row] * other[column * 4 + step];
  return product;
}

// The matrix of a node of a glTF file.
export function placed({ matrix, translation = [0, 0, 0], rotation = [0, 0, 0, 1], scale = [1, 1, 1] }) {
  if (matrix) return Float32Array.from(matrix);
  const [x, y, z, w] = rotation;
  const columns = [
    [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
    [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
    [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
  ];
  const scaled = columns.flatMap((column, axis) => [...column.map((value) => value * scale[axis]), 0]);
  return Float32Array.from([...scaled, ...translation, 1]);
}

// Turned about the upright axis, then tilted towards the camera, around a centre.
export function turned(turn, tilt, [x, y, z]) {
  const [c, s, e, f] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
  const rotation = [c, f * s, -e * s, 0, 0, e, f, 0, s, -f * c, e * c, 0, 0, 0, 0, 1];
  const centred = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -x, -y, -z, 1];
  return mul(rotation, centred);
}

// The camera from which a ball of that radius fills the picture.
export function perspective(radius) {
  const [far, focus] = [radius * 3.2, 2.9];
  const [near, end] = [radius * 0.5, radius * 8];
  const depth = (end + near) / (near - end);
  const rest = (2 * end * near) / (near - end);
  return Float32Array.from([focus, 0, 0, 0, 0, focus, 0, 0, 0, 0, depth, -1, 0, 0, -depth * far + rest, far]);
}
