const KEY = 'webhook-inbox-token';

/** The token of a host whose guards read `Authorization`: in memory only, unless the operator chose otherwise. */
const held: { token: string | null } = { token: null };

/** Takes the token out of `#access_token=…`, and the address at once without it. */
export function takeTokenFromAddress(): void {
  const match = /^#access_token=([^&]+)/.exec(location.hash);
  if (!match?.[1]) return;
  held.token = decodeURIComponent(match[1]);
  history.replaceState(null, '', location.pathname + location.search);
}

export function readToken(): string | null {
  if (held.token === null) {
    try {
      held.token = sessionStorage.getItem(KEY);
    } catch {
      // This browser keeps nothing.
    }
  }
  return held.token;
}

export function keepToken(token: string, isForTheSession: boolean): void {
  held.token = token;
  try {
    if (isForTheSession) sessionStorage.setItem(KEY, token);
  } catch {
    // It is held in memory then.
  }
}

export function forgetToken(): void {
  held.token = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
