//! The pretrained base of a training.

use crate::source::{MINI, Source, Weighted, file_name, with_weights};
use anyhow::{Context, Result, bail};
use convnet_layers::Model;
use convnet_pretrained::zoo::{self, Entry, Top};

/// A base with its weights, up to its last feature maps.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) model: Model,
    /// Which it is and where its weights come from.
    pub(crate) told: String,
    /// The layer that its last block begins with, where fine-tuning begins.
    pub(crate) last_block: String,
}

/// The side of the pictures unless told otherwise.
const SIDE: usize = 224;

/// What `auto` takes, the first that is at hand: much accuracy for little arithmetic comes first.
const AUTO: [&str; 4] = ["mobilenet", "efficientnet_lite0", "vgg16", MINI];

/// The side of mini-VGG's pictures unless told otherwise.
const MINI_SIDE: usize = 96;

impl Base {
    /// The base of this name or in this file; of `auto` the first of the zoo whose weights are at hand.
    ///
    /// # Errors
    /// When there is none, or it gives no feature maps.
    pub(crate) fn obtain(name: &str, size: Option<usize>) -> Result<Base> {
        let names = if name == "auto" { &AUTO[..] } else { &[name] };
        let mut why = Vec::new();
        for name in names {
            let Some(entry) = entry(name, size)? else {
                return Base::of_file(name, size);
            };
            let last_block = entry.fine_tune_from;
            match with_weights(entry)? {
                Ok(Weighted { model, file, .. }) => {
                    let told = match file {
                        Some(file) => format!("{name}, weights of {}", file_name(&file)),
                        None => {
                            format!("{MINI}, which comes with the program and has seen painted scenes only")
                        }
                    };
                    return Base::of(model, told, Some(last_block));
                }
                Err(lacking) => why.push(format!("{name}: {lacking}")),
            }
        }
        bail!("no pretrained weights are at hand ({})", why.join("; "))
    }

    fn of_file(name: &str, size: Option<usize>) -> Result<Base> {
        let source = Source { model: name.into(), weights: None, size };
        let opened = source.open().with_context(|| format!("--base {name}"))?;
        Base::of(opened.model, format!("the model in {}", file_name(name.as_ref())), None)
    }

    fn of(model: Model, told: String, last_block: Option<&str>) -> Result<Base> {
        let maps = model.layers().filter(|(_, shape)| shape.len() == 3).last();
        let last = maps.map(|(path, _)| path.to_string());
        let last = last
            .with_context(|| format!("{told}: none of its layers gives maps that a head could learn from"))?;
        let model = model.rebuilt(model.architecture().up_to(&last)?, model.input().clone())?;
        let learning: Vec<&str> =
            model.parameters().iter().map(|parameter| layer_of(&parameter.path)).collect();
        let is_there = |layer: &&str| learning.contains(layer);
        // Of a network of which nobody has said where its last block begins, the last fifth of what can learn.
        let otherwise = learning.get(learning.len() * 4 / 5).copied().unwrap_or(&last);
        let last_block = last_block.filter(is_there).unwrap_or(otherwise).to_string();
        Ok(Base { model, told, last_block })
    }
}

fn layer_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(layer, _)| layer)
}

fn entry(name: &str, size: Option<usize>) -> Result<Option<Entry>> {
    let side = size.unwrap_or(SIDE);
    Ok(match name {
        "mobilenet" => Some(zoo::mobilenet(1.0, side, Top::Without)?),
        "efficientnet_lite0" => Some(zoo::efficientnet_lite0(side, Top::Without)),
        "vgg16" => Some(zoo::vgg16(side, Top::Without)),
        MINI | "mini-vgg" => Some(zoo::mini_vgg(size.unwrap_or(MINI_SIDE), Top::Without)),
        _ => None,
    })
}
