// What stands behind fake_libcuda.cpp: memory with guards, streams, and the kernels of kernels.cu.
#pragma once

#ifdef KV_CUDA_H
#define __CUDA_API_VERSION_INTERNAL // declares all versions, and gives none of them another name
#include <cuda.h>
#else
#include <cstddef>
typedef int CUresult, CUdevice, CUdevice_attribute;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
struct CUmemLocation {
    int type, id;
};
struct CUmemcpyAttributes {
    int srcAccessOrder;
    CUmemLocation srcLocHint, dstLocHint;
    unsigned flags;
};
struct CUDA_MEMCPY2D {
    size_t srcXInBytes, srcY;
    int srcMemoryType;
    const void *srcHost;
    CUdeviceptr srcDevice;
    void *srcArray;
    size_t srcPitch, dstXInBytes, dstY;
    int dstMemoryType;
    void *dstHost;
    CUdeviceptr dstDevice;
    void *dstArray;
    size_t dstPitch, WidthInBytes, Height;
};
#endif

#include "cuda_shim.h"
#include KERNELS

#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600 };
const size_t GUARD = 256;
const unsigned char GUARD_BYTE = 0x5A;
#define RESULT(value) static_cast<CUresult>(value)

struct Allocation {
    size_t size;
    bool host;
};

struct Work {
    std::function<void()> run;
    std::function<bool()> ready;
};

struct CUstream_st {
    std::deque<Work> queue;
};

struct CUevent_st {
    std::shared_ptr<bool> done = std::make_shared<bool>(true); // of the record that is newest
};

struct CUfunc_st {
    std::string name;
    size_t parameters;
    std::function<void(unsigned blocks, unsigned threads, const std::vector<u64> &)> run;
};

static_assert(sizeof(CUmemcpyAttributes) == 24 && sizeof(CUDA_MEMCPY2D) == 128, "as in cuda.h");

static std::map<u64, Allocation> allocations;
static long freed_broken; // freed with something written beside them, or not as they were allocated
static std::vector<CUstream> streams;
static std::vector<CUcontext> contexts; // of the calling thread: the tests have one
static std::map<std::string, long> calls;
static std::string refused; // the function that fails next time, with the error
static int refusal = 0;
static const CUcontext PRIMARY_CONTEXT = reinterpret_cast<CUcontext>(0x1000);

// What a function does first: counts, and refuses where a test wants it to, or no context is current.
static int enter(const char *name, bool needs_context)
{
    calls[name]++;
    if (refused == name) {
        refused.clear();
        return refusal;
    }
    return needs_context && (contexts.empty() || contexts.back() != PRIMARY_CONTEXT) ? INVALID_CONTEXT : 0;
}
#define ENTER_WITH(needs_context)                                                                                      \
    if (int status = enter(__func__, needs_context))                                                                   \
    return RESULT(status)
#define ENTER() ENTER_WITH(true)
#define ENTER_ANYWHERE() ENTER_WITH(false) // no context need be current

static bool guards_whole(u64 address, const Allocation &memory)
{
    const unsigned char *before = (const unsigned char *)address - GUARD, *after = (const unsigned char *)address + memory.size;
    for (size_t i = 0; i < GUARD; i++)
        if (before[i] != GUARD_BYTE || after[i] != GUARD_BYTE)
            return false;
    return true;
}

static const Allocation *inside(u64 address, u64 size)
{
    auto found = allocations.upper_bound(address);
    if (found == allocations.begin())
        return nullptr;
    --found;
    return address + size <= found->first + found->second.size ? &found->second : nullptr;
}

static u64 allocate(size_t size, bool host)
{
    unsigned char *memory = (unsigned char *)aligned_alloc(GUARD, (size + 3 * GUARD - 1) / GUARD * GUARD);
    if (!memory)
        return 0;
    memset(memory, GUARD_BYTE, GUARD);
    memset(memory + GUARD, 0xEE, size);
    memset(memory + GUARD + size, GUARD_BYTE, GUARD);
    allocations[(u64)memory + GUARD] = {size, host};
    return (u64)memory + GUARD;
}

static CUresult release(u64 address, bool host)
{
    auto found = allocations.find(address);
    if (found == allocations.end() || found->second.host != host || !guards_whole(address, found->second)) {
        freed_broken++; // the caller does not look at the result
        return RESULT(INVALID_VALUE);
    }
    free((void *)(address - GUARD));
    allocations.erase(found);
    return RESULT(0);
}

static void pump()
{
    for (bool moved = true; moved;) {
        moved = false;
        for (CUstream stream : streams)
            while (!stream->queue.empty() && (!stream->queue.front().ready || stream->queue.front().ready())) {
                Work work = std::move(stream->queue.front());
                stream->queue.pop_front();
                if (work.run)
                    work.run();
                moved = true;
            }
    }
}

static CUstream_st legacy_default; // what no stream means

static CUresult submit(CUstream stream, Work work)
{
    if (!stream) {
        stream = &legacy_default;
        if (std::find(streams.begin(), streams.end(), stream) == streams.end())
            streams.push_back(stream);
    }
    if (std::find(streams.begin(), streams.end(), stream) == streams.end())
        return RESULT(INVALID_HANDLE);
    stream->queue.push_back(std::move(work));
    pump();
    return RESULT(0);
}

static bool copyable(u64 target, u64 source, u64 size)
{
    const Allocation *to = inside(target, size), *from = inside(source, size);
    // From host to host a driver would keep the caller waiting: nobody here may want that.
    return size > 0 && to && from && !(to->host && from->host);
}

template <size_t... I, class... A>
static CUfunc_st wrap(const char *name, void (*kernel)(A...), std::index_sequence<I...>)
{
    return {name, sizeof...(A), [kernel](unsigned blocks, unsigned threads, const std::vector<u64> &values) {
                run_threads(blocks, threads, [&] { kernel((A)values[I]...); });
            }};
}
template <class... A> static CUfunc_st wrap(const char *name, void (*kernel)(A...))
{
    return wrap(name, kernel, std::index_sequence_for<A...>());
}

static std::vector<CUfunc_st> functions = {
    wrap("copy_pieces", copy_pieces),     wrap("copy_span", copy_span),         wrap("load_through", load_through),
    wrap("write_pattern", write_pattern), wrap("check_pattern", check_pattern), wrap("gate", gate),
};
