// A library with the functions of libcuda that cuda_driver.py uses, on host memory: so that all of the CUDA device but
// the GPU runs where there is none. It is stricter than a driver needs to be: what it does not know to be right, it
// refuses.
//
// Streams are queues, and work completes as soon as what is before it has: at the submission, unless a gate is closed or
// an event is awaited. "Device" memory is ordinary memory with a guard on both sides. Launches run the text of kernels.cu.
//
// With KV_CUDA_H the declarations come from cuda.h, and the compiler sees to it that the signatures here are right.

#include "fake_device.h"

extern "C" {

// ---- for the tests ----

long fake_calls(const char *name) { return calls[name]; }
void fake_refuse(const char *name, int error)
{
    refused = name;
    refusal = error;
}
long fake_broken_guards()
{
    return freed_broken + std::count_if(allocations.begin(), allocations.end(), [](auto &each) { return !guards_whole(each.first, each.second); });
}
long fake_allocations() { return (long)allocations.size(); }
long fake_pushed_contexts() { return (long)contexts.size(); }
void fake_push_other_context() { contexts.push_back(reinterpret_cast<CUcontext>(0x2000)); }

// ---- libcuda ----

CUresult cuInit(unsigned flags)
{
    ENTER_ANYWHERE();
    return RESULT(flags == 0 ? 0 : INVALID_VALUE);
}

CUresult cuDriverGetVersion(int *version)
{
    ENTER_ANYWHERE();
    *version = 13000;
    return RESULT(0);
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    ENTER_ANYWHERE();
    *device = 70 + ordinal;
    return RESULT(ordinal == 0 ? 0 : 101);
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
    ENTER_ANYWHERE();
    strncpy(name, "host memory", (size_t)size);
    return RESULT(device == 70 ? 0 : 101);
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    ENTER_ANYWHERE();
    *value = (int)attribute == 16 ? 3 : (int)attribute == 75 ? 9 : 0;
    return RESULT(device == 70 ? 0 : 101);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    ENTER_ANYWHERE();
    *context = PRIMARY_CONTEXT;
    return RESULT(device == 70 ? 0 : 101);
}

CUresult cuCtxGetCurrent(CUcontext *context)
{
    ENTER_ANYWHERE();
    *context = contexts.empty() ? nullptr : contexts.back();
    return RESULT(0);
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    ENTER_ANYWHERE();
    contexts.push_back(context);
    return RESULT(0);
}

CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
    ENTER_ANYWHERE();
    if (contexts.empty())
        return RESULT(INVALID_CONTEXT);
    *context = contexts.back();
    contexts.pop_back();
    return RESULT(0);
}

CUresult cuGetErrorName(CUresult error, const char **text)
{
    *text = (int)error == NOT_READY ? "CUDA_ERROR_NOT_READY" : "CUDA_ERROR_OF_THE_FAKE";
    return RESULT(0);
}

CUresult cuGetErrorString(CUresult, const char **text)
{
    *text = "(as the fake says)";
    return RESULT(0);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size)
{
    ENTER();
    *address = size ? allocate(size, false) : 0;
    return RESULT(*address ? 0 : size ? OUT_OF_MEMORY : INVALID_VALUE);
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
    ENTER();
    return release(address, false);
}

CUresult cuMemHostAlloc(void **address, size_t size, unsigned flags)
{
    ENTER();
    *address = size && flags == 3 ? (void *)allocate(size, true) : nullptr;
    return RESULT(*address ? 0 : size ? OUT_OF_MEMORY : INVALID_VALUE);
}

CUresult cuMemFreeHost(void *address)
{
    ENTER();
    return release((u64)address, true);
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
    ENTER();
    if (flags != 1)
        return RESULT(INVALID_VALUE);
    streams.push_back(*stream = new CUstream_st);
    return RESULT(0);
}

CUresult cuStreamSynchronize(CUstream stream)
{
    ENTER();
    if (!stream)
        stream = &legacy_default;
    for (pump(); !stream->queue.empty(); pump()) {
        // Only gates can hold it up, and nobody can open them while the caller waits: the kernel gives up by itself.
        for (CUstream each : streams)
            if (!each->queue.empty())
                each->queue.front().ready = each->queue.front().run ? nullptr : each->queue.front().ready;
    }
    return RESULT(0);
}

CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    ENTER();
    *event = new CUevent_st;
    return RESULT(flags == 2 ? 0 : INVALID_VALUE);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    ENTER();
    auto done = event->done = std::make_shared<bool>(false);
    return submit(stream, {[done] { *done = true; }, nullptr});
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    ENTER();
    auto done = event->done; // of the record that is newest now: a later one is none of this wait's business
    return flags ? RESULT(INVALID_VALUE) : submit(stream, {nullptr, [done] { return *done; }});
}

CUresult cuEventQuery(CUevent event)
{
    ENTER();
    pump();
    return RESULT(*event->done ? 0 : NOT_READY);
}

CUresult cuEventSynchronize(CUevent event)
{
    ENTER();
    for (CUstream stream : streams)
        if (!*event->done)
            cuStreamSynchronize(stream);
    return RESULT(*event->done ? 0 : INVALID_HANDLE);
}

CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, size_t size, CUstream stream)
{
    ENTER();
    const Allocation *memory = inside(address, size);
    if (!memory || memory->host)
        return RESULT(INVALID_VALUE);
    return submit(stream, {[=] { memset((void *)address, value, size); }, nullptr});
}

CUresult cuMemcpyAsync(CUdeviceptr target, CUdeviceptr source, size_t size, CUstream stream)
{
    ENTER();
    if (!copyable(target, source, size))
        return RESULT(INVALID_VALUE);
    return submit(stream, {[=] { memcpy((void *)target, (void *)source, size); }, nullptr});
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *order, CUstream stream)
{
    ENTER();
    const CUDA_MEMCPY2D copy = *order;
    const u64 spread = copy.Height - 1;
    const size_t pitch_max = 0x7fffffff;
    if (copy.srcXInBytes || copy.srcY || copy.srcHost || copy.srcArray || copy.dstXInBytes || copy.dstY || copy.dstHost ||
        copy.dstArray || (int)copy.srcMemoryType != 4 || (int)copy.dstMemoryType != 4 || copy.Height == 0 ||
        copy.srcPitch < copy.WidthInBytes || copy.dstPitch < copy.WidthInBytes || copy.srcPitch > pitch_max ||
        copy.dstPitch > pitch_max || !copyable(copy.dstDevice, copy.srcDevice, copy.WidthInBytes) ||
        !inside(copy.dstDevice, spread * copy.dstPitch + copy.WidthInBytes) ||
        !inside(copy.srcDevice, spread * copy.srcPitch + copy.WidthInBytes))
        return RESULT(INVALID_VALUE);
    return submit(stream, {[copy] {
                               for (size_t row = 0; row < copy.Height; row++)
                                   memcpy((void *)(copy.dstDevice + row * copy.dstPitch),
                                          (void *)(copy.srcDevice + row * copy.srcPitch), copy.WidthInBytes);
                           },
                           nullptr});
}

CUresult cuMemcpyBatchAsync(CUdeviceptr *targets, CUdeviceptr *sources, size_t *sizes, size_t count,
                            CUmemcpyAttributes *attributes, size_t *indices, size_t attribute_count, size_t *failed,
                            CUstream stream)
{
    ENTER();
    *failed = (size_t)-1;
    if (!stream || count == 0 || attribute_count != 1 || indices[0] != 0 || (int)attributes->srcAccessOrder != 1 ||
        attributes->flags != 0)
        return RESULT(INVALID_VALUE);
    for (size_t i = 0; i < count; i++)
        if (!copyable(targets[i], sources[i], sizes[i])) {
            *failed = i;
            return RESULT(INVALID_VALUE);
        }
    std::vector<std::array<u64, 3>> copies;
    for (size_t i = count; i-- > 0;) // backwards: nobody may rely on an order
        copies.push_back({targets[i], sources[i], sizes[i]});
    return submit(stream, {[copies] {
                               for (auto &copy : copies)
                                   memcpy((void *)copy[0], (void *)copy[1], copy[2]);
                           },
                           nullptr});
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    ENTER();
    *module = reinterpret_cast<CUmodule>(0x3000);
    return RESULT(strcmp((const char *)image, "code for 9.0") == 0 ? 0 : INVALID_VALUE);
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule, const char *name)
{
    ENTER();
    for (CUfunc_st &each : functions)
        if (each.name == name) {
            *function = &each;
            return RESULT(0);
        }
    return RESULT(NOT_FOUND);
}

CUresult cuLaunchKernel(CUfunction function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned thread_y,
                        unsigned thread_z, unsigned shared, CUstream stream, void **parameters, void **extra)
{
    ENTER();
    if (x == 0 || y != 1 || z != 1 || threads == 0 || threads > 1024 || thread_y != 1 || thread_z != 1 || shared || extra)
        return RESULT(INVALID_VALUE);
    std::vector<u64> values;
    for (size_t i = 0; i < function->parameters; i++) {
        values.push_back(*(u64 *)parameters[i]);
    }
    std::function<bool()> ready;
    if (function->name == "gate")
        ready = [flag = (const volatile u32 *)values[0]] { return *flag != 0; };
    return submit(stream, {[=] { function->run(x, threads, values); }, ready});
}

} // extern "C"
