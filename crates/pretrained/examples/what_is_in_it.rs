//! Lists the tensors of a file of weights and, where the file describes one, its network.
//!
//! `cargo run --release -p convnet-pretrained --example what_is_in_it -- FILE`

use convnet_pretrained::WeightFile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("give the path of a file of weights")?;
    let file = WeightFile::open(path)?;
    println!("{}", file.format());
    for tensor in file.tensors() {
        println!("{:60} {:?} {}", tensor.name, tensor.shape, tensor.numbers);
    }
    match file.architecture()? {
        Some(architecture) => {
            println!("a network for pictures of {:?}:", file.picture());
            println!("{}", architecture.names().collect::<Vec<_>>().join(", "));
        }
        None => println!("no description of a network"),
    }
    Ok(())
}
