// The kernels of the CUDA device. Plain CUDA C without headers: NVRTC compiles it at run time, and the tests compile the
// same text as C++. No kernel synchronises its threads, so each is right for any number of blocks and threads.
//
// Every parameter takes 8 bytes, so that a launch is a list of integers. Memory is walked in tiles: one block of threads
// copies, writes or checks up to TILE_BYTES of one row at a time, each thread several independent 16-byte vectors.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define UNROLLED 4                          // vectors that a thread has under way at once
#define TILE_BYTES (UNROLLED * 256 * 16)    // a tile is one round of 256 threads
#define SECONDARY_BIT 0x80000000u           // of a page-table entry; see impl/page_table.py
#define KERNEL extern "C" __global__ void __launch_bounds__(256, 5) // 5 blocks fit: as many are launched (copy_kernel.py)

#ifdef __CUDACC__
__device__ __forceinline__ u64 now_ns()
{
    u64 now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}
#endif

// ---- copies ----------------------------------------------------------------------------------------------------------

struct __align__(16) Pair {
    u64 source, target; // addresses; pinned host memory has the same address on the device
};

// `bytes` is at most TILE_BYTES. Vectors of 16 bytes where both addresses allow it, single bytes for the rest.
__device__ __forceinline__ void copy_tile(u8 *target, const u8 *source, u32 bytes)
{
    u32 vectors = (((u64)target | (u64)source) & 15) == 0 ? bytes / 16 : 0;
    const uint4 *from = (const uint4 *)source;
    uint4 *to = (uint4 *)target;
    for (u32 first = threadIdx.x; first < vectors; first += UNROLLED * blockDim.x) {
        uint4 held[UNROLLED];
#pragma unroll
        for (u32 k = 0; k < UNROLLED; k++)
            if (first + k * blockDim.x < vectors)
                held[k] = from[first + k * blockDim.x];
#pragma unroll
        for (u32 k = 0; k < UNROLLED; k++)
            if (first + k * blockDim.x < vectors)
                to[first + k * blockDim.x] = held[k];
    }
    for (u32 i = vectors * 16 + threadIdx.x; i < bytes; i += blockDim.x)
        target[i] = source[i];
}

__device__ __forceinline__ u32 tiles_of(u64 bytes)
{
    return (u32)((bytes + TILE_BYTES - 1) / TILE_BYTES);
}

__device__ __forceinline__ u32 tile_size(u64 row_bytes, u64 offset)
{
    return (u32)(row_bytes - offset < TILE_BYTES ? row_bytes - offset : TILE_BYTES);
}

// Gather or scatter: `count` pieces of `rows` rows each. The pitches are the bytes from a row to the next.
KERNEL copy_pieces(const Pair *pairs, u64 count, u64 row_bytes, u64 rows, u64 source_pitch, u64 target_pitch)
{
    u32 in_row = tiles_of(row_bytes), height = (u32)rows;
    u32 tiles = (u32)count * height * in_row;
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        u32 line = tile / in_row;
        u32 piece = line / height, row = line % height;
        u64 offset = (u64)(tile % in_row) * TILE_BYTES;
        Pair pair = pairs[piece];
        copy_tile((u8 *)(pair.target + row * target_pitch + offset),
                  (const u8 *)(pair.source + row * source_pitch + offset), tile_size(row_bytes, offset));
    }
}

// One run of bytes, between any two memories.
KERNEL copy_span(u8 *target, const u8 *source, u64 bytes)
{
    u32 tiles = tiles_of(bytes);
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        u64 offset = (u64)tile * TILE_BYTES;
        copy_tile(target + offset, source + offset, tile_size(bytes, offset));
    }
}

// Loads the PRIMARY slot that entry `index` of a page table names now, when the kernel runs. The entry goes to `seen`;
// if it names no PRIMARY slot, nothing is loaded and whoever looks at `seen` must say so.
KERNEL load_through(const u32 *table, u64 index, u64 slots, const u8 *memory, u64 slot_stride, u64 row_bytes, u64 rows,
                    u64 pitch, u8 *target, u64 *seen)
{
    u64 entry = table[index];
    if (blockIdx.x == 0 && threadIdx.x == 0)
        *seen = entry;
    if (entry >= slots)
        return;
    u32 in_row = tiles_of(row_bytes);
    u32 tiles = (u32)rows * in_row;
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        u64 row = tile / in_row, offset = (u64)(tile % in_row) * TILE_BYTES;
        copy_tile(target + row * row_bytes + offset, memory + entry * slot_stride + row * pitch + offset,
                  tile_size(row_bytes, offset));
    }
}

// ---- the content pattern ---------------------------------------------------------------------------------------------

// 16 bytes of the pattern: vector number `vector` of layer `layer` of the block with this key. The mixing is a 32-bit
// finaliser (two multiplications: 64-bit hashing would cost more than the memory's speed); cuda_pattern.py has it too.
__device__ __forceinline__ uint4 pattern_vector(u64 key, u32 layer, u32 vector)
{
    u32 low = (u32)key, high = (u32)(key >> 32);
    u32 x = low ^ (vector * 0x9E3779B9u) ^ (layer * 0x85EBCA77u);
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    x ^= x >> 16;
    uint4 words;
    words.x = x ^ high;
    words.y = x * 0x9E3779B1u + high;
    words.z = (x ^ 0x27D4EB2Fu) * 0xC2B2AE3Du + high;
    words.w = ~x + (high ^ low);
    return words;
}

__device__ __forceinline__ u8 pattern_byte(u64 key, u32 layer, u32 offset)
{
    uint4 words = pattern_vector(key, layer, offset / 16);
    u32 word = offset % 16 / 4 == 0 ? words.x : offset % 16 / 4 == 1 ? words.y : offset % 16 / 4 == 2 ? words.z : words.w;
    return (u8)(word >> (offset % 4 * 8));
}

// One pool's memory of one level, as kernels address it; `stride` is from a slot to the next, `pitch` from a layer.
struct Place {
    u64 memory, slots, stride, pitch;
};

// Where layer 0 of the slot is that an entry names; 0 when there is no such slot.
__device__ __forceinline__ u64 slot_address(u32 entry, const Place *places, u64 *pitch)
{
    const Place place = places[entry & SECONDARY_BIT ? 1 : 0];
    u64 slot = entry & ~SECONDARY_BIT;
    *pitch = place.pitch;
    return slot < place.slots ? place.memory + slot * place.stride : 0;
}

// Writes the first `row_bytes` of each layer of the blocks that entries 0..count-1 name. `places`: PRIMARY, SECONDARY.
// An entry that names no slot is left out.
KERNEL write_pattern(const u32 *entries, const u64 *keys, u64 count, const Place *places, u64 row_bytes, u64 layers,
                     u64 first_layer)
{
    u32 in_row = tiles_of(row_bytes), height = (u32)layers;
    u32 tiles = (u32)count * height * in_row;
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        u32 line = tile / in_row;
        u32 block = line / height, row = line % height, layer = (u32)first_layer + row;
        u64 key = keys[block], pitch, address = slot_address(entries[block], places, &pitch);
        if (address == 0)
            continue;
        u32 offset = tile % in_row * TILE_BYTES;
        u8 *start = (u8 *)(address + row * pitch + offset);
        u32 bytes = tile_size(row_bytes, offset);
        u32 vectors = ((u64)start & 15) == 0 ? bytes / 16 : 0;
        for (u32 i = threadIdx.x; i < vectors; i += blockDim.x)
            ((uint4 *)start)[i] = pattern_vector(key, layer, offset / 16 + i);
        for (u32 i = vectors * 16 + threadIdx.x; i < bytes; i += blockDim.x)
            start[i] = pattern_byte(key, layer, offset + i);
    }
}

// Compares what write_pattern writes. `result`: how many vectors (or, where rows are not aligned, bytes) are wrong; the
// smallest wrong position, (block * layers + layer) * row_bytes + byte; how many entries name no slot.
KERNEL check_pattern(const u32 *entries, const u64 *keys, u64 count, const Place *places, u64 row_bytes, u64 layers,
                     u64 first_layer, u64 *result)
{
    u32 in_row = tiles_of(row_bytes), height = (u32)layers;
    u32 tiles = (u32)count * height * in_row;
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        u32 line = tile / in_row;
        u32 block = line / height, row = line % height, layer = (u32)first_layer + row;
        u64 key = keys[block], pitch, address = slot_address(entries[block], places, &pitch);
        if (address == 0) {
            if (threadIdx.x == 0 && row == 0 && tile % in_row == 0)
                atomicAdd(result + 2, (u64)1);
            continue;
        }
        u32 offset = tile % in_row * TILE_BYTES;
        const u8 *start = (const u8 *)(address + row * pitch + offset);
        u32 bytes = tile_size(row_bytes, offset);
        u32 vectors = ((u64)start & 15) == 0 ? bytes / 16 : 0;
        u32 wrong = 0, first_wrong = bytes;
        for (u32 first = threadIdx.x; first < vectors; first += UNROLLED * blockDim.x) {
            uint4 held[UNROLLED];
#pragma unroll
            for (u32 k = 0; k < UNROLLED; k++)
                if (first + k * blockDim.x < vectors)
                    held[k] = ((const uint4 *)start)[first + k * blockDim.x];
#pragma unroll
            for (u32 k = 0; k < UNROLLED; k++) {
                u32 i = first + k * blockDim.x;
                if (i < vectors) {
                    uint4 want = pattern_vector(key, layer, offset / 16 + i);
                    if ((held[k].x ^ want.x) | (held[k].y ^ want.y) | (held[k].z ^ want.z) | (held[k].w ^ want.w)) {
                        wrong += 1;
                        first_wrong = i * 16 < first_wrong ? i * 16 : first_wrong;
                    }
                }
            }
        }
        for (u32 i = vectors * 16 + threadIdx.x; i < bytes; i += blockDim.x) {
            if (start[i] != pattern_byte(key, layer, offset + i)) {
                wrong += 1;
                first_wrong = i < first_wrong ? i : first_wrong;
            }
        }
        if (wrong) {
            atomicAdd(result, (u64)wrong);
            atomicMin(result + 1, (u64)line * row_bytes + offset + first_wrong);
        }
    }
}

// ---- the gate --------------------------------------------------------------------------------------------------------

// Holds its stream back until the host sets `flag`. It gives up after a time, and says so, lest a test that fails to
// open it keeps the device for ever.
KERNEL gate(const volatile u32 *flag, u64 timeout_ns, volatile u32 *gave_up)
{
    if (blockIdx.x != 0 || threadIdx.x != 0)
        return;
    u64 start = now_ns();
    while (*flag == 0) {
        if (now_ns() - start > timeout_ns) {
            *gave_up = 1;
            return;
        }
        __nanosleep(500);
    }
}
