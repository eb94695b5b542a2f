/**
 * Why a GPU could not give words. Closed, because the recovery differs:
 *  - `lost`: the device is gone (driver reset, unplugged, tab in the background for long). Open it again.
 *  - `wrong_answer`: the known answer in a dispatch was not what it has to be. Nothing of that dispatch is
 *    used; the device is opened again.
 *  - `out_of_memory`, `validation`: this dispatch could not run. Open again with smaller dispatches.
 *  - `compile`: the driver refuses the kernel. Trying again can't help.
 */
export type GpuFaultKind = 'lost' | 'wrong_answer' | 'out_of_memory' | 'validation' | 'compile';

export class GpuFault extends Error {
  readonly kind: GpuFaultKind;

  constructor(kind: GpuFaultKind, message: string) {
    super(message);
    this.name = 'GpuFault';
    this.kind = kind;
  }
}
