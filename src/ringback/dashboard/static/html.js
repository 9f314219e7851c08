// The only module that turns text into HTML; this server has rendered and escaped it.
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("ringback", { createHTML: (text) => text })
  : { createHTML: (text) => text };

export function parsed(text) {
  return new DOMParser().parseFromString(policy.createHTML(text), "text/html");
}

export async function fetched(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return parsed(await response.text());
}
