//! Channels of several arrays side by side, and the way back: pure copying. Plain-loop twin:
//! [`crate::reference::concatenate`].

use crate::chunks;

/// `y` `[rows, c₀ + c₁ + …]`: the rows of the inputs `[rows, c₀]`, `[rows, c₁]` … one behind the other.
///
/// # Panics
/// When the arrays do not hold as many rows.
pub fn forward(channels: &[usize], inputs: &[&[f32]], y: &mut [f32]) {
    let width: usize = channels.iter().sum();
    check(channels, inputs.iter().map(|input| input.len()), y.len());
    chunks::over(width, 2 * width, y, |range, y| {
        for (row, y) in range.zip(y.chunks_exact_mut(width)) {
            let mut rest = y;
            for (&channels, input) in channels.iter().zip(inputs) {
                let (now, behind) = rest.split_at_mut(channels);
                now.copy_from_slice(&input[row * channels..][..channels]);
                rest = behind;
            }
        }
    });
}

/// The channels `x` of the input `place` in what [`forward`] made: the way back, and so the gradient.
///
/// # Panics
/// When the arrays do not hold as many rows.
pub fn part(channels: &[usize], place: usize, y: &[f32], x: &mut [f32]) {
    let (width, first): (usize, usize) = (channels.iter().sum(), channels[..place].iter().sum());
    let own = channels[place];
    check(&[own], [x.len()], y.len() / width.max(1) * own);
    chunks::over(own, 2 * own, x, |range, x| {
        for (row, x) in range.zip(x.chunks_exact_mut(own)) {
            x.copy_from_slice(&y[row * width + first..][..own]);
        }
    });
}

fn check(channels: &[usize], inputs: impl IntoIterator<Item = usize>, output: usize) {
    let rows = output.checked_div(channels.iter().sum()).unwrap_or(0);
    let lengths: Vec<_> = inputs.into_iter().collect();
    let expected: Vec<_> = channels.iter().map(|channels| channels * rows).collect();
    assert_eq!(lengths, expected, "lengths of the inputs beside an output of {output}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::concatenate as reference;
    use crate::testing::{numbers, same_for_any_threads, widened};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn copies_are_exact(rows in 1usize..9, channels in proptest::collection::vec(1usize..6, 1..5), seed: u32) {
            let inputs: Vec<_> =
                channels.iter().zip(seed..).map(|(&channels, seed)| numbers(rows * channels, seed)).collect();
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let exact: Vec<_> = inputs.iter().map(|input| widened(input)).collect();
            let exact: Vec<&[f64]> = exact.iter().map(Vec::as_slice).collect();
            let size = rows * channels.iter().sum::<usize>();
            let (mut y, mut expected) = (vec![f32::NAN; size], vec![f64::NAN; size]);
            forward(&channels, &inputs, &mut y);
            reference::forward(&channels, &exact, &mut expected);
            prop_assert_eq!(widened(&y), expected);
            for (place, input) in inputs.iter().enumerate() {
                let mut x = vec![f32::NAN; input.len()];
                part(&channels, place, &y, &mut x);
                prop_assert_eq!(&x[..], *input);
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (a, b) = (numbers(3 * 50 * 50 * 16, 1), numbers(3 * 50 * 50 * 8, 2));
        same_for_any_threads(|| {
            let mut y = vec![f32::NAN; a.len() + b.len()];
            forward(&[16, 8], &[&a, &b], &mut y);
            let mut x = vec![f32::NAN; b.len()];
            part(&[16, 8], 1, &y, &mut x);
            assert_eq!(x, b);
            y
        });
    }
}
