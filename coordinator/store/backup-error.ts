/** Why a backup could not be made or restored; `message` is one line that says what to do. */
export const BACKUP_PROBLEMS = [
  /** There is no store to back up. */
  'no_store',
  /** The disk has not the room for it, or can't be written. */
  'no_room',
  /** The folder to restore into has something in it, or a coordinator is running there. */
  'not_empty',
  'running',
  /** It is something else than a backup of this program. */
  'foreign',
  /** It ends too early, or is not what was written. */
  'damaged',
  /** It was made by a later version. */
  'newer',
] as const;
export type BackupProblem = (typeof BACKUP_PROBLEMS)[number];

export class BackupError extends Error {
  readonly problem: BackupProblem;

  constructor(problem: BackupProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'BackupError';
    this.problem = problem;
  }
}
