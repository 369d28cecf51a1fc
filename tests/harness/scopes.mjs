// What an API key needs for an operation, as the document's tags and paths tell.

export const SCOPES = ['read', 'chat', 'files', 'admin'];

// The scopes of which one is needed; []: no key may, undefined: no token is needed.
export function scopesOf(op) {
    const own = { chat: 'chat', files: 'files' }[op.row.tags[0]];
    if (!op.row.security.length || op.row.tags[0] === 'system') return undefined;
    if (/^\/users\/(me\/|logout)/.test(op.template)) return [];
    if (op.template === '/users/me' && op.method !== 'get') return [];
    if (op.template.startsWith('/admin/')) return ['admin'];
    if (op.method === 'get') return ['read', own].filter(Boolean);
    return [own ?? 'admin'];
}
