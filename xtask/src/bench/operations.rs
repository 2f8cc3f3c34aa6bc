//! How many floating-point operations a model takes: what a rate is compared with.

use convnet_layers::Model;

/// Operations of a training step for one picture: two per multiply-add of convolutions and dense layers, counted as the
/// direct convolution makes them.
///
/// Forward, the gradient of each kernel that learns, and the gradient of each layer's input where something before it
/// learns.
pub(super) fn training(model: &Model) -> u64 {
    count(model, true)
}

/// Operations of a prediction for one picture, counted in the same way.
pub(super) fn prediction(model: &Model) -> u64 {
    count(model, false)
}

fn count(model: &Model, training: bool) -> u64 {
    let mut total = 0;
    let mut learns_before = false;
    for parameter in model.parameters() {
        let Some(layer) = parameter.path.strip_suffix("/kernel") else { continue };
        let output = model.layers().find_map(|(path, shape)| (path == layer).then_some(shape));
        // A kernel is used once at each position of the output; a dense layer has one position.
        let positions: usize = output.map_or(0, |shape| shape[..shape.len() - 1].iter().product());
        let products = 2 * (positions * parameter.value.size()) as u64;
        let learns = training && parameter.is_learned();
        total += products * (1 + u64::from(learns) + u64::from(learns_before));
        learns_before |= learns;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chapter5::digits;
    use convnet_layers::InputSpec;
    use convnet_tensor::Seed;

    fn model() -> Model {
        Model::new(digits::convnet(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap()
    }

    #[test]
    fn the_digits_step_takes_16_million_operations_for_a_picture() {
        let first = 2 * 26 * 26 * 32 * 9;
        let forward = first + 2 * (11 * 11 * 64 * 32 * 9 + 3 * 3 * 64 * 64 * 9 + 576 * 64 + 64 * 10);
        assert_eq!(training(&model()), 3 * forward - first);
        assert_eq!(prediction(&model()), forward);
    }

    #[test]
    fn what_is_frozen_costs_its_forward_pass_only() {
        let mut model = model();
        let whole = training(&model);
        model.freeze("").unwrap();
        assert_eq!(training(&model), (whole + 2 * 26 * 26 * 32 * 9) / 3);
        assert_eq!(training(&model), prediction(&model));
        model.unfreeze("dense").unwrap();
        let (dense, last) = (2 * 576 * 64, 2 * 64 * 10);
        assert_eq!(training(&model), (whole + 2 * 26 * 26 * 32 * 9) / 3 + dense + last);
    }
}
