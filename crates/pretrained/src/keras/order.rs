//! The order in which Keras keeps the layers of a functional model, whatever order they are listed in: the longest way
//! to the output first, then as met on the way back from it.

use std::cmp::Reverse;

/// The places of the layers in Keras' order. `inputs` are the layers that each reads (the model's own input left out);
/// the output is that of `last`. Layers that it does not need are left out.
pub(super) fn order(inputs: &[Vec<usize>], last: usize) -> Vec<usize> {
    let mut met = vec![None; inputs.len()];
    let mut finished = Vec::new();
    let mut open = vec![(last, 0)];
    met[last] = Some(0);
    let mut count = 1;
    while let Some((layer, next)) = open.last_mut() {
        match inputs[*layer].get(*next) {
            Some(&before) => {
                *next += 1;
                if met[before].is_none() {
                    met[before] = Some(count);
                    count += 1;
                    open.push((before, 0));
                }
            }
            None => {
                finished.push(*layer);
                open.pop();
            }
        }
    }
    // Steps to the output, along the longest way.
    let mut steps = vec![0usize; inputs.len()];
    for &layer in finished.iter().rev() {
        for &before in &inputs[layer] {
            steps[before] = steps[before].max(steps[layer] + 1);
        }
    }
    finished.sort_by_key(|&layer| (Reverse(steps[layer]), met[layer]));
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_nearer_to_the_output_come_later() {
        // A shortcut (1) listed before the long way (2, 3): Keras keeps it behind, beside 3.
        let inputs = [vec![], vec![0], vec![0], vec![2], vec![3, 1], vec![4]];
        assert_eq!(order(&inputs, 5), [0, 2, 3, 1, 4, 5]);
        let swapped = [vec![], vec![0], vec![0], vec![2], vec![1, 3], vec![4]];
        assert_eq!(order(&swapped, 5), [0, 2, 1, 3, 4, 5]);
        // A layer that nothing needs.
        assert_eq!(order(&[vec![], vec![0], vec![0]], 2), [0, 2]);
    }
}
