//! Plain loops for [`crate::concatenate`]: each number of a row comes from the input whose channels it lies in.

use super::Real;

/// `y`: the rows of the inputs one behind the other.
pub fn forward<R: Real>(channels: &[usize], inputs: &[&[R]], y: &mut [R]) {
    let width: usize = channels.iter().sum();
    for (place, y) in y.iter_mut().enumerate() {
        let (row, mut channel, mut input) = (place / width, place % width, 0);
        while channel >= channels[input] {
            channel -= channels[input];
            input += 1;
        }
        *y = inputs[input][row * channels[input] + channel];
    }
}
