//! Which stored tensor goes to which parameter.

use crate::arrange;
use crate::number::NumberType;
use crate::sites::{Flattened, Site, sites};
use crate::stored::{StoredLayer, StoredTensor};
use crate::target::Walks;
use convnet_layers::{Architecture, Model, Part, snake_case};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

/// How the layers of a file and those of a model find each other.
///
/// ```
/// use convnet_pretrained::Loading;
/// let everything = Loading::in_order();
/// let what_fits = Loading::by_name().skip_mismatch();
/// # let _ = (everything, what_fits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    by_name: bool,
    skip_mismatch: bool,
}

impl Loading {
    /// By their order, whatever they are called: every layer with weights must be there on both sides and fit (Keras'
    /// `load_weights(path)`). Keras 3's own files count within each class of layers. `safetensors` keeps no order:
    /// layers are found by their names there, and still all must be on both sides.
    pub fn in_order() -> Loading {
        Loading { by_name: false, skip_mismatch: false }
    }

    /// By their names: layers that only one side has are left as they are and reported (Keras' `by_name=True`). A layer
    /// that both have must fit.
    pub fn by_name() -> Loading {
        Loading { by_name: true, skip_mismatch: false }
    }

    /// Layers that do not fit are left as they are and reported (Keras' `skip_mismatch=True`).
    pub fn skip_mismatch(mut self) -> Loading {
        self.skip_mismatch = true;
        self
    }
}

/// What loading did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Parameters that were read, each with the name of its tensor in the file.
    pub matched: Vec<(String, String)>,
    /// Parameters for which the file has nothing; they keep their values.
    pub missing: Vec<String>,
    /// Tensors of the file for which the model has no place.
    pub left_over: Vec<String>,
    /// Layers that both have and that do not fit, each with the reason; they keep their values.
    pub skipped: Vec<String>,
    /// Parameters that hold NaN or infinity now: a sign of a damaged file or of training that diverged.
    pub not_finite: Vec<String>,
}

impl Loaded {
    /// Whether every parameter was read, every tensor was used, and all numbers are finite.
    pub fn is_whole(&self) -> bool {
        [&self.missing, &self.left_over, &self.skipped, &self.not_finite].iter().all(|list| list.is_empty())
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors loaded", self.matched.len())?;
        for (list, what) in [
            (&self.missing, "parameters not in the file"),
            (&self.left_over, "tensors of the file not used"),
            (&self.skipped, "layers skipped"),
            (&self.not_finite, "parameters with NaN or infinity"),
        ] {
            if let [first, ..] = list.as_slice() {
                write!(f, "; {} {what} ({first}{})", list.len(), if list.len() > 1 { " …" } else { "" })?;
            }
        }
        Ok(())
    }
}

/// A layer of the model that has parameters.
struct Layer<'a> {
    path: &'a str,
    parameters: Range<usize>,
}

/// The places in the model's parameters with the tensors that go there, and how.
type Plan = Vec<(usize, StoredTensor, Walks)>;

/// How many steps PyTorch trained a batch normalisation: no weight.
const STEPS: &str = "num_batches_tracked";

/// Finds a place for everything, or says all that stands against it. `ordered`: whether the order of the file's layers
/// means anything.
pub(crate) fn plan(
    stored: &[StoredLayer],
    ordered: bool,
    model: &Model,
    loading: Loading,
) -> Result<(Plan, Loaded), Vec<String>> {
    let (layers, sites) = (layers(model), sites(model));
    let mut stored: Vec<_> = stored.to_vec();
    stored.iter_mut().for_each(|layer| layer.tensors.retain(|(name, _)| name != STEPS));
    stored.retain(|layer| !layer.tensors.is_empty());
    if ordered && !loading.by_name {
        stored = spread(stored, &layers);
    }
    let stored: Vec<_> = stored.iter().collect();
    let mut problems = Vec::new();
    let partners = if loading.by_name || !ordered {
        if stored.iter().any(|layer| layer.path.is_none()) {
            return Err(vec!["the file does not know the names of its layers; load it in order".into()]);
        }
        by_name(&stored, &layers)
    } else if stored.iter().any(|layer| layer.key.is_some()) {
        by_key(&stored, &layers, &keys(model.architecture(), &stored, &mut problems))
    } else {
        in_order(&stored, &layers, &mut problems)
    };
    let (mut plan, mut loaded) = (Vec::new(), Loaded::default());
    let mut used = vec![false; stored.len()];
    for (layer, partner) in layers.iter().zip(&partners) {
        let parameters = &model.parameters()[layer.parameters.clone()];
        let paths = parameters.iter().map(|parameter| parameter.path.clone());
        let Some(partner) = *partner else {
            loaded.missing.extend(paths);
            continue;
        };
        used[partner] = true;
        match fit(stored[partner], model, layer, sites.get(layer.path)) {
            Ok(tensors) => {
                let names = tensors.iter().map(|(tensor, _)| tensor.name.clone());
                loaded.matched.extend(paths.zip(names));
                let places = layer.parameters.clone().zip(tensors);
                plan.extend(places.map(|(place, (tensor, walks))| (place, tensor, walks)));
            }
            Err(why) => loaded.skipped.push(format!("`{}`: {why}", layer.path)),
        }
    }
    for (layer, _) in stored.iter().zip(&used).filter(|(_, used)| !**used) {
        loaded.left_over.extend(layer.tensors.iter().map(|(_, tensor)| tensor.name.clone()));
    }
    if !loading.skip_mismatch {
        problems.extend(loaded.skipped.iter().cloned());
        if !loading.by_name {
            let missing = loaded.missing.iter().map(|path| format!("`{path}` is not in the file"));
            let left_over =
                loaded.left_over.iter().map(|name| format!("the model has no place for `{name}`"));
            let before = problems.len();
            problems.extend(missing.chain(left_over));
            if !ordered && problems.len() > before {
                problems.push(
                    "the format keeps no order, so layers are found by their names; `WeightFile::rename` gives \
                     the file's layers the model's names"
                        .into(),
                );
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
    }
    Ok((plan, loaded))
}

/// The layers with parameters, in order.
fn layers(model: &Model) -> Vec<Layer<'_>> {
    let mut layers: Vec<Layer<'_>> = Vec::new();
    for (place, parameter) in model.parameters().iter().enumerate() {
        let path = parameter.path.rsplit_once('/').map_or("", |(layer, _)| layer);
        match layers.last_mut() {
            Some(last) if last.path == path => last.parameters.end = place + 1,
            _ => layers.push(Layer { path, parameters: place..place + 1 }),
        }
    }
    layers
}

/// A file without layers, only a list of tensors (`arr_0`, `arr_1` … of NumPy), spread over the model's layers.
fn spread(mut stored: Vec<StoredLayer>, layers: &[Layer<'_>]) -> Vec<StoredLayer> {
    let wanted = layers.iter().map(|layer| layer.parameters.len()).sum::<usize>();
    match &mut *stored {
        [only] if layers.len() > 1 && only.path.as_deref() == Some("") && only.tensors.len() == wanted => {
            let mut tensors = std::mem::take(&mut only.tensors).into_iter();
            let several = layers.iter().map(|layer| StoredLayer {
                tensors: tensors.by_ref().take(layer.parameters.len()).collect(),
                ..only.clone()
            });
            several.collect()
        }
        _ => stored,
    }
}

fn in_order(stored: &[&StoredLayer], layers: &[Layer<'_>], problems: &mut Vec<String>) -> Vec<Option<usize>> {
    if stored.len() != layers.len() {
        problems.push(format!(
            "the file holds {} layers with weights, the model {}; layers of the same name can be loaded with \
             `Loading::by_name()`",
            stored.len(),
            layers.len()
        ));
        // Names tell better what is missing than places.
        return by_name(stored, layers);
    }
    (0..layers.len()).map(Some).collect()
}

fn by_name(stored: &[&StoredLayer], layers: &[Layer<'_>]) -> Vec<Option<usize>> {
    let mut places = HashMap::new();
    // Names go before aliases.
    for name in [|layer: &StoredLayer| layer.path.clone(), |layer: &StoredLayer| layer.alias.clone()] {
        for (place, layer) in stored.iter().enumerate() {
            if let Some(name) = name(layer) {
                places.entry(name).or_insert(place);
            }
        }
    }
    layers.iter().map(|layer| places.get(layer.path).copied()).collect()
}

fn by_key(
    stored: &[&StoredLayer],
    layers: &[Layer<'_>],
    keys: &BTreeMap<String, String>,
) -> Vec<Option<usize>> {
    let places: HashMap<_, _> =
        stored.iter().enumerate().filter_map(|(place, layer)| Some((layer.key.as_deref()?, place))).collect();
    let place = |layer: &Layer<'_>| places.get(keys.get(layer.path)?.as_str()).copied();
    layers.iter().map(place).collect()
}

/// Keras 3's key for each layer: its class in snake case, counted within its network.
fn keys(
    architecture: &Architecture,
    stored: &[&StoredLayer],
    problems: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let mut open = vec![(architecture, String::new(), String::new())];
    while let Some((architecture, path, key)) = open.pop() {
        let mut counters: HashMap<String, usize> = HashMap::new();
        let mut next = |class: String| {
            let counter = counters.entry(class.clone()).or_default();
            let name = if *counter == 0 { class } else { format!("{class}_{counter}") };
            *counter += 1;
            format!("{key}{name}")
        };
        // A nested network stands under its own class, which an architecture does not know.
        let kinds: Vec<_> = ["functional", "sequential"]
            .into_iter()
            .filter(|kind| {
                let start = format!("{key}{kind}");
                stored.iter().filter_map(|layer| layer.key.as_ref()).any(|key| key.starts_with(&start))
            })
            .collect();
        let nested = architecture.parts().iter().filter(|part| matches!(part.part, Part::Nested(_))).count();
        if kinds.len() > 1 && nested > 0 {
            problems.push(format!(
                "`{path}`: both Sequential and Functional networks stand side by side in it, and the file does not say which is which"
            ));
        }
        for part in architecture.parts() {
            match &part.part {
                Part::Layer(layer) => {
                    keys.insert(format!("{path}{}", part.name), next(snake_case(layer.class())));
                }
                Part::Nested(inner) => {
                    let key = next(kinds.first().copied().unwrap_or("functional").into());
                    open.push((inner, format!("{path}{}/", part.name), format!("{key}/")));
                }
            }
        }
    }
    keys
}

/// The tensors for a layer's parameters, in their order, and how they fill them, or why they do not fit.
fn fit(
    stored: &StoredLayer,
    model: &Model,
    layer: &Layer<'_>,
    site: Option<&Site>,
) -> Result<Vec<(StoredTensor, Walks)>, String> {
    let parameters = &model.parameters()[layer.parameters.clone()];
    if stored.tensors.len() != parameters.len() {
        return Err(format!(
            "takes {} tensors, but the file has {} for `{}`",
            parameters.len(),
            stored.tensors.len(),
            stored.title()
        ));
    }
    if stored.layout.channels_first && site.and_then(|site| site.flattened) == Some(Flattened::Joined) {
        return Err(format!(
            "reads flattened pictures side by side, and `{}` has them channel by channel; join the pictures before \
             they are flattened",
            stored.title()
        ));
    }
    let own: Vec<_> =
        parameters.iter().map(|parameter| parameter.path.rsplit('/').next().unwrap_or_default()).collect();
    let names: Vec<_> = stored.tensors.iter().map(|(name, _)| canonical(name, &own)).collect();
    let place = |own: &&str| names.iter().position(|name| name == own);
    // Names that the layer knows decide; without them the order does.
    let named: Option<Vec<_>> = own.iter().map(place).collect();
    let places = named.unwrap_or_else(|| (0..parameters.len()).collect());
    let mut tensors = Vec::new();
    for ((parameter, own), place) in parameters.iter().zip(&own).zip(places) {
        let tensor = &stored.tensors[place].1;
        if tensor.numbers == NumberType::Other {
            return Err(format!("`{}` holds {}", tensor.name, tensor.numbers));
        }
        let walks = arrange::walks(tensor, stored.layout, site, parameter.value.shape());
        let walks = walks.map_err(|expected| {
            let shape = parameter.value.shape();
            let turned = if *expected == *shape {
                String::new()
            } else {
                format!(" ({expected:?} in the layout of the file)")
            };
            format!(
                "`{own}` has shape {shape}{turned}, but `{}` in the file has {:?}",
                tensor.name, tensor.shape
            )
        })?;
        tensors.push((tensor.clone(), walks));
    }
    Ok(tensors)
}

/// A parameter as the layer calls it: `depthwise_kernel:0` is `kernel`, PyTorch's `weight` is `kernel` or `gamma`.
fn canonical<'a>(name: &'a str, own: &[&str]) -> &'a str {
    let name = name.split(':').next().unwrap_or(name);
    if own.contains(&name) && name != "bias" {
        return name;
    }
    let normalises = own.contains(&"moving_mean");
    match name {
        "weight" if normalises => "gamma",
        "weight" => "kernel",
        "bias" if normalises => "beta",
        "running_mean" => "moving_mean",
        "running_var" => "moving_variance",
        name => name.strip_prefix("depthwise_").unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_by_the_names_of_either_framework() {
        let (kernel, norm) = (["kernel", "bias"], ["gamma", "beta", "moving_mean", "moving_variance"]);
        for (name, own, expected) in [
            ("kernel:0", &kernel[..], "kernel"),
            ("depthwise_kernel", &kernel, "kernel"),
            ("weight", &kernel, "kernel"),
            ("bias", &kernel, "bias"),
            ("weight", &norm, "gamma"),
            ("bias", &norm, "beta"),
            ("running_mean", &norm, "moving_mean"),
            ("running_var", &norm, "moving_variance"),
            ("moving_variance:0", &norm, "moving_variance"),
            ("depthwise_kernel", &["depthwise_kernel", "pointwise_kernel"], "depthwise_kernel"),
        ] {
            assert_eq!(canonical(name, own), expected, "{name}");
        }
    }
}
