/** The same key of two users is two keys: a name of a user has no slash. `storedJob` (rows.ts) reads it back. */
export function keyOfUser(userId: string | null, key: string): string {
  return `${userId ?? ''}/${key}`;
}
