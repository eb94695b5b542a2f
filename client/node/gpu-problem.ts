/** Every way in which a Node process can be without a GPU, each with its own message: what is wrong and what to do. */
export interface GpuProblem {
  readonly kind: keyof typeof MESSAGES;
  readonly message: string;
}

const MESSAGES = {
  package_missing: 'the npm package "webgpu" is not installed: run npm install',
  package_unusable: `the npm package "webgpu" has no build that runs here (${process.platform} ${process.arch}; on Linux it needs glibc)`,
  vulkan_missing:
    "libvulkan.so.1, the Vulkan loader, is missing: install the GPU's driver and the loader (Debian: libvulkan1)",
  no_adapter: "no GPU driver offered an adapter that WebGPU accepts: install or update the GPU's driver",
  only_software:
    'there are only software adapters, slower than the CPU engine: set GPU_ENABLED=true to use them all the same',
} as const;

export function describeProblem(kind: GpuProblem['kind'], detail: string): GpuProblem {
  return { kind, message: detail === '' ? MESSAGES[kind] : `${MESSAGES[kind]} (${detail})` };
}
