//! Pictures per second of the augmenting sweep on one thread, with the ranges of section 5.2.5.
//!
//! `cargo bench -p convnet-cpu --bench warp`

use convnet_cpu::simd::{Isa, using};
use convnet_cpu::warp::{Colour, Fill, Range, Warp, bilinear};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SIDE: usize = 150;
const PICTURES: usize = 40;

fn uniform() -> impl FnMut(f64, f64) -> f64 {
    let mut state = 1u32;
    move |low, high| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        low + (high - low) * f64::from(state >> 8) / f64::from(1 << 24)
    }
}

/// Rotation 40°, shifts 0.2, shear 0.2, zoom 0.2 about the centre, every other picture flipped.
fn matrices() -> Vec<[[f64; 3]; 2]> {
    let mut between = uniform();
    let mut matrix = || {
        let (sine, cosine) = between(-40.0, 40.0).to_radians().sin_cos();
        let [shift_x, shift_y] = [(); 2].map(|()| between(-0.2, 0.2) * SIDE as f64);
        let (shear_sine, shear_cosine) = between(-0.2, 0.2).sin_cos();
        let [zoom_x, zoom_y] = [(); 2].map(|()| between(0.8, 1.2));
        let [flip_x, flip_y] = [if between(0.0, 1.0) < 0.5 { -zoom_x } else { zoom_x }, zoom_y];
        let centre = (SIDE - 1) as f64 / 2.0;
        [[cosine, -sine], [sine, cosine]].map(|[a, b]| {
            let (x, y) = (a * flip_x, (b * shear_cosine - a * shear_sine) * flip_y);
            [x, y, centre + a * shift_x + b * shift_y - (x + y) * centre]
        })
    };
    (0..PICTURES).map(|_| matrix()).collect()
}

fn sweeps(criterion: &mut Criterion) {
    let matrices = matrices();
    let mut between = uniform();
    let picture: Vec<u8> = (0..SIDE * SIDE * 3).map(|_| between(0.0, 256.0) as u8).collect();
    let mut to = vec![0.0; picture.len()];
    let zero_to_one = Range { divisor: 255.0, ..Range::BYTES };
    let warp = Warp {
        picture: [SIDE, SIDE, 3],
        output: [SIDE, SIDE],
        matrix: [[0.0; 3]; 2],
        fill: Fill::Nearest,
        colour: None,
        range: zero_to_one,
    };
    let mean_std = Range { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225], ..zero_to_one };
    let caffe = Range { mean: [103.939, 116.779, 123.68], bgr: true, ..Range::BYTES };
    let colour = Colour::Rgb([[0.9, 0.1, 0.1, 3.0], [-0.1, 1.2, 0.1, 4.0], [0.2, 0.2, 0.7, 5.0]]);
    let cases = [
        ("nearest, 0 … 1", warp),
        ("constant, 0 … 1", Warp { fill: Fill::Constant(0.0), ..warp }),
        ("reflect, 0 … 1", Warp { fill: Fill::Reflect, ..warp }),
        ("wrap, 0 … 1", Warp { fill: Fill::Wrap, ..warp }),
        ("nearest, mean and deviation", Warp { range: mean_std, ..warp }),
        ("nearest, caffe", Warp { range: caffe, ..warp }),
        ("nearest, colours, 0 … 1", Warp { colour: Some(colour), ..warp }),
        ("nearest, grey, 0 … 1", Warp { picture: [SIDE, SIDE, 1], ..warp }),
    ];
    for isa in Isa::available() {
        let mut group = criterion.benchmark_group(format!("150×150 on {}", isa.name()));
        group.sample_size(20).throughput(Throughput::Elements(PICTURES as u64));
        for (name, case) in cases {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    using(isa, || {
                        for &matrix in &matrices {
                            let warp = Warp { matrix, ..case };
                            bilinear(
                                &warp,
                                &picture[..SIDE * SIDE * case.picture[2]],
                                &mut to[..warp.output_len()],
                            );
                        }
                    });
                });
            });
        }
    }
}

criterion_group!(benches, sweeps);
criterion_main!(benches);
