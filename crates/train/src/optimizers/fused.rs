//! One pass over a parameter, its gradient and its slots.

use convnet_cpu::parallel;
use convnet_tensor::Tensor;

/// Smaller parameters stay on one thread: the pass takes less than waking a second one.
const LARGE: usize = 1 << 16;

/// The numbers of a chunk, and the most chunks of a parameter: so many need about 10 KiB to be listed.
const CHUNK: usize = 1 << 15;
const CHUNKS: usize = 64;

/// Runs `update(weights, gradient, slots)` on all of a parameter, or on chunks of it in parallel.
pub(super) fn over<const SLOTS: usize>(
    weights: &mut [f32],
    gradient: &[f32],
    slots: &mut [Tensor],
    update: impl Fn(&mut [f32], &[f32], [&mut [f32]; SLOTS]) + Sync,
) {
    let slots: &mut [Tensor; SLOTS] = slots.try_into().expect("the slots are those of this optimiser");
    let mut slots = slots.each_mut().map(|slot| slot.data_mut());
    let size = weights.len();
    assert!(slots.iter().all(|slot| slot.len() == size), "a slot differs in size from its parameter");
    if size < LARGE || parallel::threads() <= 1 {
        return update(weights, gradient, slots);
    }
    let length = CHUNK.max(size.div_ceil(CHUNKS));
    let mut parts = slots.each_mut().map(|slot| slot.chunks_mut(length));
    let mut chunks = Vec::with_capacity(size.div_ceil(length));
    for (weights, gradient) in weights.chunks_mut(length).zip(gradient.chunks(length)) {
        let slots = parts.each_mut().map(|part| part.next().expect("slots have as many chunks"));
        chunks.push(Some((weights, gradient, slots)));
    }
    parallel::for_each_chunk(&mut chunks, 1, |_, chunk| {
        if let Some((weights, gradient, slots)) = chunk[0].take() {
            update(weights, gradient, slots);
        }
    });
}
