//! A promise in a header is not memory. Alone in its file, as it watches what the whole process takes.

use convnet_data::idx;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

const LIMIT: usize = 1 << 20;

fn file(extents: [u32; 3], zeros: usize) -> Vec<u8> {
    let header = std::iter::once(2051).chain(extents).flat_map(u32::to_be_bytes);
    header.chain(std::iter::repeat_n(0, zeros)).collect()
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_small_file_with_a_large_promise_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile");
    let refusal = |contents: &[u8]| {
        std::fs::write(&path, contents).unwrap();
        idx::read_images(&path).expect_err("a hostile file").to_string()
    };
    let promise = file([4_000_000, 16, 16], 84);
    assert!(refusal(&promise).contains("more than the file can hold"));
    assert!(refusal(&gzip(&promise)).contains("more than the file can hold"));
    assert!(refusal(&file([u32::MAX; 3], 84)).contains("at most 2147483648"));
    // A bomb: sixteen megabytes in some kilobytes, where four bytes are promised.
    let bomb = gzip(&file([1, 2, 2], 16 << 20));
    assert!(bomb.len() < 20_000);
    assert!(refusal(&bomb).contains("bytes follow the 4"));
    let peak = convnet_cpu::memory::peak();
    assert!(peak < LIMIT, "{peak} bytes were taken on a promise");
}
