//! `convnet convert IN OUT`.

use crate::Failed;
use crate::source::Source;
use anyhow::{Result, bail};
use convnet_pretrained::{Error, Format, WeightFile, save};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,

    /// The file to write; its ending names the format: .safetensors, .npz, .h5, .weights.h5, .keras, .onnx
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { source, out } = arguments;
    let format = format(out)?;
    let said = match source.open() {
        Ok(opened) => {
            save(&opened.model, out, format).map_err(|error| failed(error, out))?;
            opened.said
        }
        // Named tensors need no network.
        Err(error) => match WeightFile::open(Path::new(&source.model)) {
            Ok(mut file)
                if source.weights.is_none() && matches!(format, Format::Safetensors | Format::Npz) =>
            {
                let left_out = file.save_tensors(out, format).map_err(|error| failed(error, out))?;
                let mut said =
                    vec![format!("named tensors in the layout of {}, no network: {error:#}", file.format())];
                if !left_out.is_empty() {
                    said.push(format!("left out, being no numbers: {}", left_out.join(", ")));
                }
                said
            }
            _ => return Err(error),
        },
    };
    said.iter().try_for_each(|line| crate::print(line))?;
    crate::print(&format!("{}: {format}", out.display()))
}

/// The format that a name's ending stands for.
fn format(out: &Path) -> Result<Format> {
    let name = out.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = [
        (".safetensors", Format::Safetensors),
        (".npz", Format::Npz),
        // Before `.h5`, which it ends in too.
        (".weights.h5", Format::KerasWeights),
        (".h5", Format::KerasLegacy),
        (".keras", Format::KerasArchive),
        (".onnx", Format::Onnx),
    ];
    let Some((_, format)) = known.into_iter().find(|(ending, _)| name.ends_with(ending)) else {
        let endings = known.map(|(ending, _)| ending).join(", ");
        bail!("{}: its ending names no format that is written; there are {endings}", out.display());
    };
    Ok(format)
}

/// An error of the file that was to be written is the disk's, any other the input's.
fn failed(error: Error, out: &Path) -> anyhow::Error {
    match error {
        Error::File { path, .. } if path == out => {
            anyhow::Error::new(Failed).context(format!("{} cannot be written", out.display()))
        }
        Error::Layers(_) => anyhow::Error::new(Failed).context(error),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_name_formats() {
        for (name, expected) in [
            ("a.safetensors", Format::Safetensors),
            ("b.weights.h5", Format::KerasWeights),
            ("c.H5", Format::KerasLegacy),
            ("d.x.onnx", Format::Onnx),
        ] {
            assert_eq!(format(Path::new(name)).unwrap(), expected, "{name}");
        }
        assert!(format(Path::new("model.pth")).unwrap_err().to_string().contains(".safetensors, .npz"));
    }
}
