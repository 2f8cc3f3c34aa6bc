//! Says where the MNIST files are on this computer, without using the network.
#![forbid(unsafe_code)]

use convnet_datasets::{DataChoice, Found, Manifest, Places, find};

fn main() -> convnet_datasets::Result<()> {
    let mnist = Manifest::mnist()?;
    println!("{} ({})", mnist.title, mnist.licence);
    match find(&mnist, &DataChoice::Auto, &Places::from_environment())? {
        Found::Files(located) => {
            println!("{}: {}, {}", located.origin, located.root.display(), located.verified)
        }
        Found::Downloadable { root, bytes, .. } => {
            println!("not here; {:.1} MB would be downloaded into {}", bytes as f64 / 1e6, root.display());
        }
        Found::Absent { why } => println!("not here: {why}"),
    }
    Ok(())
}
