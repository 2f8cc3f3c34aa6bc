//! Decoding and resizing the real pictures of cats and dogs, on one thread: from bytes in memory to 150×150 bytes of RGB.
//!
//! `CONVNET_DATA_DIR=… cargo bench -p convnet-data`. The bytes are those of the first 200 files of
//! `cats_and_dogs_small` in order, as in the peers' script.

use convnet_data::PictureFolder;
use convnet_data::decode::Decoder;
use convnet_data::resize::Resizer;
use convnet_tensor::{Filter, Fit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::path::Path;

fn decode_and_resize(criterion: &mut Criterion) {
    let Some(folder) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: there are no pictures to decode");
        return;
    };
    let folder = PictureFolder::list(&Path::new(&folder).join("cats_and_dogs_small/test"))
        .expect("a folder of pictures");
    let files: Vec<Vec<u8>> = folder
        .files()
        .take(200)
        .map(|(path, _)| std::fs::read(folder.root().join(path)).expect("a file"))
        .collect();
    let mut group = criterion.benchmark_group("cats and dogs, one thread");
    group.throughput(Throughput::Elements(files.len() as u64)).sample_size(20);
    let (mut decoder, mut resizer) = (Decoder::default(), Resizer::default());
    let mut small = vec![0; 150 * 150 * 3];
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for file in &files {
                decoder.decode(file, 3).expect("a picture");
            }
        });
    });
    for (name, filter) in [
        ("decode and resize, bilinear", Filter::Bilinear),
        ("decode and resize, bilinear plain", Filter::BilinearPlain),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for file in &files {
                    let picture = decoder.decode(file, 3).expect("a picture");
                    resizer.resize(picture, 150, 150, Fit::Squash, filter, &mut small);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode_and_resize);
criterion_main!(benches);
