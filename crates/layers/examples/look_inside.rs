//! A model on a base: built, frozen in part, looked into, saved and read again.
//!
//! `cargo run --release -p convnet-layers --example look_inside`

use convnet_autograd::Tape;
use convnet_layers::{
    Architecture, Conv2D, Dense, Flatten, InputSpec, LayerClasses, MaxPooling2D, Model, Request, Tap,
};
use convnet_tensor::{Purpose, Seed, Tensor};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let base = Architecture::new()
        .named("first", Conv2D::new(8, 3).relu())
        .named("first_pool", MaxPooling2D::new(2))
        .named("second", Conv2D::new(16, 3).relu());
    let architecture =
        Architecture::new().nested("base", base).add(Flatten::new()).add(Dense::new(10).softmax());
    let mut model = Model::new(architecture, InputSpec::new([12, 12, 1]), Seed(1))?;
    // What a frozen base learned elsewhere stays as it is; only the head is trained.
    model.freeze("base")?;
    println!("{}\n", model.summary());

    // A mistake in shapes is found when the model is built, and told with the layer's path.
    let wrong = Architecture::new().add(Conv2D::new(8, 13));
    println!(
        "too large a kernel: {}\n",
        Model::new(wrong, InputSpec::new([12, 12, 1]), Seed(1)).unwrap_err()
    );

    // The outputs of any layers come with the scores; layers that nobody needs do not run.
    let mut stream = Seed(1).stream(Purpose::Noise, 0, 0);
    let pictures = Tensor::from_fn([2, 12, 12, 1], |_| stream.uniform());
    let outputs = model.run(&mut Tape::new(), &pictures, &Request::taps([Tap::output("base/first_pool")]))?;
    for tapped in &outputs.taps {
        println!("feature maps behind base/first_pool: {}", tapped.shape());
    }

    // One file says everything: architecture, weights, input.
    let file = std::env::temp_dir().join("convnet-look-inside.safetensors");
    model.save(&file)?;
    let again = Model::load(&file, &LayerClasses::builtin())?;
    std::fs::remove_file(&file)?;
    let same = again.predict(&pictures)? == model.predict(&pictures)?;
    println!("saved and read again, it predicts the same bits: {same}");
    Ok(())
}
