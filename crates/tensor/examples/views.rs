//! What a tensor shares and when it copies: views of a batch of pictures, and values derived from a tensor.
//!
//! `cargo run -p convnet-tensor --example views`

use convnet_tensor::{Purpose, Result, Seed, Tensor};

fn main() -> Result<()> {
    // Four pictures of 28×28 grey pixels. Each has a stream of random numbers of its own, so picture 2 is the same whoever
    // draws it, and in whatever order.
    let picture = |number: u64| {
        let mut stream = Seed(1).stream(Purpose::Noise, 0, number);
        Tensor::from_fn([28, 28, 1], |_| stream.uniform())
    };
    let mut batch = Tensor::recycled([4, 28, 28, 1]);
    for (number, slot) in batch.data_mut().chunks_exact_mut(28 * 28).enumerate() {
        slot.copy_from_slice(picture(number as u64).data());
    }
    println!("a batch of shape {}, {} numbers", batch.shape(), batch.size());

    // Rows and other shapes are views: nothing is copied.
    let last = batch.rows(2..4);
    let rows = batch.reshaped([4, 784])?;
    println!("two of its pictures: {}, as rows: {}", last.shape(), rows.shape());
    println!(
        "all three share their numbers: {}",
        last.shares_buffer_with(&batch) && rows.shares_buffer_with(&batch)
    );

    // Who writes to numbers that others share gets a copy; the others keep theirs.
    let mut dark = last.clone();
    dark.data_mut().fill(0.0);
    println!("after writing to a view, its owner still has {:.3}", batch.data()[2 * 784]);
    println!("they share no longer: {}", !dark.shares_buffer_with(&batch));

    // What costs time to compute from a tensor hangs on its numbers, until they change.
    let mean = |tensor: &Tensor| {
        *tensor.derived(1, || {
            println!("  (computing the mean)");
            tensor.data().iter().sum::<f32>() / tensor.size() as f32
        })
    };
    println!("mean {:.3}, and once more {:.3}", mean(&batch), mean(&batch));
    batch.data_mut()[0] = 100.0;
    println!("after a write {:.3}", mean(&batch));

    println!("a shape that does not fit: {}", batch.reshaped([4, 700]).unwrap_err());
    Ok(())
}
