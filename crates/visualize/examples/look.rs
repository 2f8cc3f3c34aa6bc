//! scratch
use convnet_data::decode::Decoder;
use convnet_data::resize::Resizer;
use convnet_pretrained::Loading;
use convnet_pretrained::zoo::{Top, mobilenet, vgg16};
use convnet_tensor::{Filter, Fit, Pixels, Seed, Tensor};
use convnet_visualize::filters::*;
use convnet_visualize::heatmaps::*;
use convnet_visualize::honesty::*;
use convnet_visualize::*;
use std::io::Write;
use std::time::Instant;

fn write(name: &str, p: &Tensor<u8>) {
    let s = p.shape();
    let mut f = std::fs::File::create(format!("/tmp/look/{name}.ppm")).unwrap();
    write!(f, "P{}\n{} {}\n255\n", if s[2] == 3 { 6 } else { 5 }, s[1], s[0]).unwrap();
    f.write_all(p.data()).unwrap();
}

fn main() {
    std::fs::create_dir_all("/tmp/look").unwrap();
    let data = std::path::PathBuf::from(std::env::var_os("CONVNET_DATA_DIR").unwrap());
    let what = std::env::args().nth(1).unwrap();
    if what == "filters" {
        let path = data.join("weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
        let (model, _) = vgg16(64, Top::Without).load(&path, Loading::in_order()).unwrap();
        let random = random_twin(&model, Seed(1)).unwrap();
        let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
        let filters: Vec<usize> = (0..n).collect();
        for layer in std::env::args().skip(3) {
            for (name, model, recipe) in [
                ("book", &model, Ascent::book([64, 64], &model.input().pixels)),
                ("better", &model, Ascent::better([64, 64])),
                ("random", &random, Ascent::book([64, 64], &model.input().pixels)),
            ] {
                let t = Instant::now();
                let done = ascend(model, &layer, &filters, &recipe).unwrap();
                let e = energy_below_the_highest_band(&done.numbers).unwrap();
                println!(
                    "{layer} {name}: {:.2?} {:.3} {:?}→{:?}",
                    t.elapsed(),
                    e.iter().sum::<f64>() / n as f64,
                    &done.before[..4],
                    &done.after[..4]
                );
                write(&format!("{layer}_{name}"), &tiles(&done.pictures().unwrap(), 4, 5).unwrap());
            }
        }
        return;
    }
    let bytes = std::fs::read(data.join("images/creative_commons_elephant.jpg")).unwrap();
    let mut decoder = Decoder::default();
    let picture = decoder.decode(&bytes, 3).unwrap();
    let mut levels = vec![0; 128 * 128 * 3];
    Resizer::default().resize(picture, 128, 128, Fit::Squash, Filter::Bicubic, &mut levels);
    let mut x = Tensor::zeros([1, 128, 128, 3]);
    Pixels::MinusOneToOne.write(3, &levels, x.data_mut());
    let shown = Tensor::from_slice([128, 128, 3], &levels).unwrap();
    let path = data.join("weights/mobilenet_0_25_128_1001_no_config.h5");
    let (model, _) = mobilenet(0.25, 128, Top::Classes(1001)).unwrap().load(path, Loading::in_order()).unwrap();
    let random = random_twin(&model, Seed(1)).unwrap();
    let target = Target::class(387);
    let mut all = vec![shown.clone(), shown.clone()];
    for layer in ["conv_pw_13_relu", "conv_pw_11_relu"] {
        for method in Method::all() {
            let t = Instant::now();
            let found = twin(&method, &model, &random, &x, layer, &target).unwrap();
            let took = t.elapsed();
            let p = target.clone().probability();
            let d = deletion(&model, &x, &found.heat, &p, &Perturbation::deletion()).unwrap()[0].area();
            let i = insertion(&model, &x, &found.heat, &p, &Perturbation::insertion()).unwrap()[0].area();
            let d2 = deletion(&model, &x, &found.random, &p, &Perturbation::deletion()).unwrap()[0].area();
            let i2 = insertion(&model, &x, &found.random, &p, &Perturbation::insertion()).unwrap()[0].area();
            println!("{layer} {:22} del {d:.3} ins {i:.3}  random del {d2:.3} ins {i2:.3} alike {:.2} {took:.2?}", method.name(), found.likeness[0]);
            for heat in [&found.heat, &found.random] {
                let heat = heat.reshaped([128, 128]).unwrap();
                all.push(overlay(&shown, &heat, ColourMap::Inferno, Blend::Mixed(0.6)).unwrap());
            }
        }
    }
    write("elephant", &tiles(&all, 8, 4).unwrap());
    let heat = cam(&model, &x, "conv_pw_13_relu", &target, &Cam::grad_cam()).unwrap();
    println!("{heat:?}");
    write("book", &overlay(&shown, &heat.reshaped([4, 4]).unwrap(), ColourMap::Jet, Blend::Added(0.4)).unwrap());
}
