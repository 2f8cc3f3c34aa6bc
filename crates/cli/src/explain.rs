//! `convnet explain MODEL PICTURE`: where in a picture a class is seen.

use crate::evaluate::options;
use crate::picture::{Viewer, drawn, heated, numbers};
use crate::predict::{names, probabilities};
use crate::source::Source;
use anyhow::{Context, Result, bail};
use convnet_data::decode::read;
use convnet_layers::Model;
use convnet_report::{grid, write_file};
use convnet_tensor::Seed;
use convnet_visualize::heatmaps::Method;
use std::path::PathBuf;

/// Draws where in a picture a class is seen: the picture, the heat, and the heat of the same network with random weights.
///
/// A method whose two heats look alike draws edges and explains nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  convnet explain model.safetensors kitten.jpg --out kitten.png
  convnet explain model.safetensors kitten.jpg --class dogs --method score-cam --out dog.png")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// The picture
    #[arg(value_name = "PICTURE")]
    picture: PathBuf,

    /// The class, by name; the one that the model finds unless told otherwise
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// gradcam, gradcam++, hirescam, layer-cam, score-cam, saliency, smoothgrad, integrated-gradients,
    /// guided-backpropagation, guided-gradcam, occlusion
    #[arg(long, value_name = "METHOD", default_value = "gradcam")]
    method: String,

    /// The layer whose maps are weighed; the last that has some unless told otherwise
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,

    /// The PNG
    #[arg(long, value_name = "PNG")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !arguments.out.extension().is_none_or(|ending| ending.eq_ignore_ascii_case("png")) {
        bail!("{}: the picture is a PNG; let its name end in .png", arguments.out.display());
    }
    let method = method(&arguments.method)?;
    let model = arguments.source.open()?.model;
    let names = names(&model)?;
    let path = &arguments.picture;
    let mut bytes = Vec::new();
    read(path, &mut bytes).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    options(model.input())?;
    let seen = Viewer::default().seen(&bytes, model.input());
    let seen = seen.map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    let x = numbers(&seen, model.input().pixels);
    let probabilities = probabilities(&model, &x)?;
    let class = match &arguments.class {
        Some(name) => names
            .iter()
            .position(|known| known == name)
            .with_context(|| format!("the model has no class `{name}`; it has {}", names.join(", ")))?,
        None => (0..names.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0),
    };
    let layer = match &arguments.layer {
        Some(layer) => layer.clone(),
        None => last_maps(&model)?,
    };
    let random = Model::new(model.architecture().clone(), model.input().clone(), Seed(1))?;
    let mut shown = vec![drawn(&seen)?];
    for model in [&model, &random] {
        shown.push(drawn(&heated(model, &seen, &method, &layer, class)?)?);
    }
    write_file(&arguments.out, &grid(&shown, 3, 4)?.to_png()?).map_err(crate::lost)?;
    crate::print(&format!(
        "{}: {} {:.4}; {} of {layer}: picture, heat, heat of random weights in {}",
        path.display(),
        names[class],
        probabilities[class],
        method.name(),
        arguments.out.display()
    ))
}

fn method(name: &str) -> Result<Method> {
    let plain = |name: &str| name.to_lowercase().replace([' ', '-', '_'], "");
    let found = Method::all().into_iter().find(|method| plain(method.name()) == plain(name));
    let Some(found) = found else {
        let all = Method::all().map(|method| method.name().to_lowercase().replace(' ', "-"));
        bail!("no method `{name}`; there are {}", all.join(", "));
    };
    Ok(found)
}

/// The last layer that gives maps of more than one pixel.
pub(crate) fn last_maps(model: &Model) -> Result<String> {
    let with_maps = model.layers().filter(|(_, shape)| shape.len() == 3 && shape[0] * shape[1] > 1).last();
    with_maps
        .map(|(path, _)| path.to_string())
        .context("the model has no layer with maps; name one with --layer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_under_any_spelling() {
        for (name, expected) in [
            ("gradcam", "Grad-CAM"),
            ("Grad-CAM", "Grad-CAM"),
            ("gradcam++", "Grad-CAM++"),
            ("score_cam", "Score-CAM"),
            ("integrated-gradients", "Integrated gradients"),
        ] {
            assert_eq!(method(name).unwrap().name(), expected);
        }
        let told = method("lime").unwrap_err().to_string();
        assert!(told.contains("occlusion"), "{told}");
    }
}
