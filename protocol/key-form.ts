/**
 * How a key is written: `tc_<id>_<secret>`. The id names the key in lists and logs, the secret has 256 random bits in
 * base64url. Apart from access.ts, whose schemas would be a third of a page's bytes.
 */
export const KEY_FORM = /^tc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/;
