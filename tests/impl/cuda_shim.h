// What kernels.cu needs of CUDA, for a C++ compiler: a launch runs its threads one after the other.
#pragma once
#include <algorithm>
#include <chrono>
#include <thread>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads, blocks)
#define __align__(bytes) alignas(bytes)

struct Index {
    unsigned x = 0, y = 0, z = 0;
};
static thread_local Index blockIdx, threadIdx, blockDim, gridDim;

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

static unsigned long long atomicAdd(unsigned long long *where, unsigned long long value)
{
    unsigned long long before = *where;
    *where += value;
    return before;
}

static unsigned long long atomicMin(unsigned long long *where, unsigned long long value)
{
    unsigned long long before = *where;
    *where = std::min(before, value);
    return before;
}

static unsigned long long now_ns()
{
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

static void __nanosleep(unsigned) { std::this_thread::yield(); }

template <class Body> void run_threads(unsigned blocks, unsigned threads, Body body)
{
    gridDim.x = blocks;
    blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++)
            body();
}
