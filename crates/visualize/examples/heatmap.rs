//! A network that has learned by hand to find a bright square, asked where it sees it, with every method.
//!
//! `cargo run --release -p convnet-visualize --example heatmap`

use convnet_layers::{Architecture, Conv2D, Dense, GlobalAveragePooling2D, InputSpec, MaxPooling2D, Model};
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_visualize::Target;
use convnet_visualize::heatmaps::Method;
use convnet_visualize::honesty::{pointing_game, random_twin, relevance_mass};
use std::error::Error;

const SIDE: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let net = Architecture::new()
        .named("bright", Conv2D::new(1, 5).same().relu())
        .add(MaxPooling2D::new(2))
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(1).sigmoid());
    let mut model = Model::new(net, InputSpec::new([SIDE, SIDE, 1]).classes(["nothing", "square"]), Seed(1))?;
    let random = random_twin(&model, Seed(2))?;
    // The mean of 5×5 pixels, less what noise alone reaches.
    for (parameter, number) in model.parameters_mut().iter_mut().zip([1.0 / 25.0, -0.7, 50.0, -1.0]) {
        parameter.value = Tensor::full(parameter.value.shape(), number);
    }

    // Noise, and a bright square of 8×8 in it.
    let inside = |pixel: usize| (5..13).contains(&(pixel / SIDE)) && (17..25).contains(&(pixel % SIDE));
    let mut stream = Seed(3).stream(Purpose::Noise, 0, 0);
    let x = Tensor::from_fn([1, SIDE, SIDE, 1], |pixel| if inside(pixel) { 1.0 } else { stream.uniform() });
    let mask = Tensor::<u8>::from_fn([1, SIDE, SIDE, 1], |pixel| if inside(pixel) { 255 } else { 0 });

    println!("probability of a square: {:.3}", model.predict(&x)?.data()[0]);
    println!("{:24} {:>7} {:>6}   random weights", "method", "pointed", "mass");
    for method in Method::all() {
        let measured = |model: &Model| -> Result<(f64, f64), Box<dyn Error>> {
            let heat = method.heat(model, &x, "bright", &Target::class(1))?;
            Ok((pointing_game(&heat, &mask, 0)?[0], relevance_mass(&heat, &mask)?[0]))
        };
        let ((hit, mass), (other_hit, other_mass)) = (measured(&model)?, measured(&random)?);
        println!("{:24} {hit:>7.2} {mass:>6.3} {other_hit:>7.2} {other_mass:>6.3}", method.name());
    }
    Ok(())
}
