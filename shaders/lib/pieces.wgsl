// What every kernel is given, as protocol/workload.ts says: the pieces of a dispatch and the words around them.
// Binding 3, the constants, is declared by the kernels that have some.

struct Piece {
  start: vec4<u32>,
  length: u32,
  pad0: u32,
  pad1: u32,
  pad2: u32,
}

@group(0) @binding(0) var<storage, read> parameters: array<u32>;
@group(0) @binding(1) var<storage, read> pieces: array<Piece>;
@group(0) @binding(2) var<storage, read_write> output: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> scratch: array<u32>;
