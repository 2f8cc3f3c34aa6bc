//! 5.2.5-show: what augmentation makes of one picture.

use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, picture};
use anyhow::Result;
use convnet_augment::{Augment, Fill, Parameters, Transform};
use convnet_data::Dataset;
use convnet_report::{Picture, chart};
use convnet_tensor::Purpose;

pub(crate) const SHOWN: Experiment = Experiment {
    id: "5.2.5-show",
    title: "One training picture, augmented four times",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::No,
    book_only: false,
    book: &[],
    note: "What lies outside the picture is filled with its nearest pixel, as in the chapter.",
    settings: |lab| format!("{SHOWN_NAME}, seed {}, {:?}", lab.seed.0, Augment::chapter5()),
    cost: |_, _| Cost { seconds: 0.5, mib: 8.0, ..Cost::default() },
    run,
};

/// The training picture that is shown, a cat on its own; where it is missing, the first of the first class.
const SHOWN_NAME: &str = "cat.115.jpg";

/// Versions of it, as in the chapter's figure.
const VERSIONS: u64 = 4;

/// The side of a picture in the figures.
const SIDE: f64 = 150.0;

fn run(lab: &mut Lab) -> Result<()> {
    let set = lab.cats_dogs().train.clone();
    let is_it = |&number: &usize| set.name(number).is_some_and(|name| name.ends_with(SHOWN_NAME));
    let first = || set.labels().iter().position(|&label| label == 0);
    let number = (0..set.len()).find(is_it).or_else(first).unwrap_or(0);
    let mut pictures = vec![(picture(&set, number)?, "as it is".to_string())];
    for version in 0..VERSIONS {
        let mut stream = lab.seed.stream(Purpose::Augment, version, number as u64);
        let transform = Augment::chapter5().draw(shape(&set), &mut stream);
        pictures.push((changed(&set, number, &transform)?, told(transform.parameters())));
    }
    let gallery = chart::gallery("Four random versions of one picture", &pictures, 5, SIDE)?;
    let caption = "A network that never meets the same picture twice cannot learn it by heart; but the versions stay alike, and \
                   no new information comes in.";
    lab.figure("versions.svg", caption, gallery.as_bytes())?;
    lab.figure("shear.svg", SHEAR, shears(&set, number)?.as_bytes())
}

/// Under the figure of both shears.
const SHEAR: &str = "The book's `shear_range = 0.2` was 0.2 radians (11.5°) when it was written. Keras changed the unit to degrees \
                     in December 2017: since then the same setting does nothing that one could see.";

/// The picture with the strongest shear of the chapter, in the unit of its time and in Keras' of today.
fn shears(set: &Dataset, number: usize) -> Result<String> {
    let units = [(0.2_f32, "sheared by 0.2 radians"), (0.2_f32.to_radians(), "sheared by 0.2 degrees")];
    let mut pictures = vec![(picture(set, number)?, "as it is".to_string())];
    for (shear, words) in units {
        let parameters = Parameters { shear, ..Parameters::default() };
        let transform = Transform::new(parameters, shape(set), Fill::Nearest);
        pictures.push((changed(set, number, &transform)?, words.to_string()));
    }
    Ok(chart::gallery("What 0.2 means", &pictures, 3, SIDE)?)
}

/// What a transform makes of a picture.
fn changed(set: &Dataset, number: usize, transform: &Transform) -> Result<Picture> {
    let [height, width, channels] = transform.output_shape();
    let mut bytes = vec![0; height * width * channels];
    transform.write_bytes(set.picture(number)?.data(), &mut bytes);
    Ok(Picture::new(width, height, channels, bytes)?)
}

/// What was drawn for a version, in words, in the order in which it is done.
fn told(drawn: &Parameters) -> String {
    let toward = |amount: f32, positive: &'static str, negative: &'static str| {
        if amount < 0.0 { negative } else { positive }
    };
    let minus = |number: String| number.replace('-', "−");
    let percent = |share: f32| format!("{:.0}\u{a0}%", share.abs() * 100.0);
    let mut said = vec![
        format!("turned {:.0}°\u{a0}{}", drawn.rotation.abs(), toward(drawn.rotation, "left", "right")),
        format!("moved {} {}", percent(drawn.width_shift), toward(drawn.width_shift, "left", "right")),
        format!("{} {}", percent(drawn.height_shift), toward(drawn.height_shift, "up", "down")),
        format!("sheared {}°", minus(format!("{:.0}", drawn.shear.to_degrees()))),
        // A zoom of 2 shows the picture at half its size.
        format!("{:.1}×\u{a0}as wide", 1.0 / drawn.zoom[0]),
        format!("{:.1}×\u{a0}as high", 1.0 / drawn.zoom[1]),
    ];
    if drawn.horizontal_flip {
        said.push("mirrored".into());
    }
    said.join(", ")
}

fn shape(set: &Dataset) -> [usize; 3] {
    let shape = set.picture_shape();
    [shape[0], shape[1], shape[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_told_as_it_is_seen() {
        let drawn = Parameters {
            rotation: -21.0,
            width_shift: 0.12,
            height_shift: -0.05,
            shear: -0.1,
            zoom: [0.9, 1.2],
            horizontal_flip: true,
            ..Parameters::default()
        };
        let said = told(&drawn).replace('\u{a0}', " ");
        let expected =
            "turned 21° right, moved 12 % left, 5 % down, sheared −6°, 1.1× as wide, 0.8× as high, mirrored";
        assert_eq!(said, expected);
        assert!(told(&Parameters::default()).ends_with("as high"));
    }
}
