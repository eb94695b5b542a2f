/** Whether this host runs WebAssembly kernels. */

/** The little that is used: the ES library of TypeScript has no WebAssembly, only the DOM's has. */
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => unknown } | undefined;

/** (module (func (result v128) i32.const 0 i8x16.splat)): valid only with SIMD, as the kernels are built with it. */
const SIMD_MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b],
);

/**
 * False where there is none (Lockdown Mode, engines without a compiler), where a policy lets no page compile any, and
 * where it lacks SIMD. A module is compiled to find out, since only that tells all three apart from a kernel that is
 * broken: that one is a fault, and nobody computes in its place.
 */
export function runsWebAssembly(): boolean {
  if (typeof WebAssembly === 'undefined') return false;
  try {
    new WebAssembly.Module(SIMD_MODULE);
    return true;
  } catch {
    return false;
  }
}
