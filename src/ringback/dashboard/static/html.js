// The one place where text becomes HTML: what this server has rendered, and escaped.
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("ringback", { createHTML: (text) => text })
  : { createHTML: (text) => text };

export function parsed(text) {
  return new DOMParser().parseFromString(policy.createHTML(text), "text/html");
}

export async function fetched(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return parsed(await answer.text());
}
