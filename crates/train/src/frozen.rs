//! A checksum of weights: the proof that what was frozen did not move.

use convnet_layers::{Model, Parameter};
use sha2::{Digest, Sha256};

/// 32 hexadecimal digits that stand for all frozen parameters of a model, their paths and every bit of their values (the first
/// half of a SHA-256); `None` when nothing is frozen. Taken before and after a training, they prove that it was frozen indeed.
///
/// ```
/// use convnet_layers::{Architecture, Dense, Flatten, InputSpec, Model};
/// use convnet_tensor::Seed;
/// use convnet_train::frozen_hash;
/// let net = Architecture::new().add(Flatten::new()).named("base", Dense::new(4)).add(Dense::new(2));
/// let mut model = Model::new(net, InputSpec::new([2, 2, 1]), Seed(1))?;
/// assert_eq!(frozen_hash(&model), None);
/// model.freeze("base")?;
/// let before = frozen_hash(&model);
/// model.parameters_mut()[2].value.data_mut()[0] += 1.0;
/// assert_eq!(frozen_hash(&model), before, "that one learns");
/// # Ok::<(), convnet_layers::Error>(())
/// ```
pub fn frozen_hash(model: &Model) -> Option<String> {
    let frozen: Vec<_> = model.parameters().iter().filter(|parameter| !parameter.trainable).collect();
    (!frozen.is_empty()).then(|| weights_hash(frozen))
}

/// 32 hexadecimal digits that stand for these parameters.
pub(crate) fn weights_hash<'a>(parameters: impl IntoIterator<Item = &'a Parameter>) -> String {
    let mut hash = Sha256::new();
    for Parameter { path, value, .. } in parameters {
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
        hash.update(value.shape().to_string());
        // Block by block: a large weight never stands in memory twice.
        for block in value.data().chunks(BLOCK) {
            hash.update(block.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
    digits(hash)
}

/// Numbers that are turned into bytes at once.
const BLOCK: usize = 1 << 14;

/// The first half of a checksum in hexadecimal digits.
pub(crate) fn digits(hash: Sha256) -> String {
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
