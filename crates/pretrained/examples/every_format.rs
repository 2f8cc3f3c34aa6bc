//! Writes a model in every format, with what each of its layers computes from drawn pictures: for comparing with the
//! formats' own frameworks (`goldens/read_back.py`).
//!
//! `cargo run --release -p convnet-pretrained --example every_format -- MODEL FOLDER`

use convnet_autograd::Tape;
use convnet_layers::{InputSpec, Request, Tap};
use convnet_pretrained::{Format, WeightFile, npy, save};
use convnet_tensor::{Purpose, Seed, Tensor};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("give the path of a model and a folder".into());
    };
    let mut file = WeightFile::open(path)?;
    let [height, width, channels] = file.picture().map(|extent| extent.unwrap_or(32));
    let model = file.model(InputSpec::new([height, width, channels]))?;
    std::fs::create_dir_all(&folder)?;
    for (ending, format) in [
        ("h5", Format::KerasLegacy),
        ("weights.h5", Format::KerasWeights),
        ("keras", Format::KerasArchive),
        ("npz", Format::Npz),
        ("safetensors", Format::Safetensors),
        ("onnx", Format::Onnx),
    ] {
        match save(&model, folder.join(format!("model.{ending}")), format) {
            Ok(()) => println!("model.{ending}"),
            Err(error) => println!("model.{ending}: {error}"),
        }
    }
    let mut stream = Seed(5).stream(Purpose::Check, 0, 0);
    let x = Tensor::from_fn([3, height, width, channels], |_| stream.between(-1.0, 1.0));
    let paths: Vec<_> = model.layers().map(|(path, _)| path.to_string()).collect();
    let taps = Request::taps(paths.iter().map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &x, &taps)?;
    let expected = folder.join("expected");
    std::fs::create_dir_all(&expected)?;
    npy::write(expected.join("x.npy"), &x)?;
    npy::write(expected.join("y.npy"), &model.predict(&x)?)?;
    for (path, tap) in paths.iter().zip(&outputs.taps) {
        npy::write(expected.join(format!("{}.npy", path.replace('/', "%"))), tap.tensor())?;
    }
    println!("what {} layers compute", paths.len());
    Ok(())
}
