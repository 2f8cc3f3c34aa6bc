//! `convnet train PICTURES`: from a folder of pictures to one model file.

mod base;
mod calibration;
mod card;
mod head;
mod pictures;

use crate::evaluate::{Figures, measured};
use crate::interruption::{self, Interrupted};
use anyhow::{Context, Result, bail};
use base::Base;
use convnet_data::Augment;
use convnet_report::{Progress, words, write_file};
use convnet_tensor::Seed;
use head::Learner;
pub(crate) use head::features_folder;
pub(crate) use pictures::training;
use pictures::{Folders, Sets};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Learns to tell the classes of pictures apart, on a pretrained base.
///
/// PICTURES holds one folder per class, or the folders train, validation and test with one folder per class in each.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of pictures
    #[arg(value_name = "PICTURES")]
    pictures: PathBuf,

    /// The pretrained base: auto, mobilenet, efficientnet_lite0, vgg16, mini_vgg, or a model file
    #[arg(long, value_name = "BASE", default_value = "auto")]
    base: String,

    /// The side of the pictures as the base sees them
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,

    /// Where the model goes; beside it its card, an HTML page
    #[arg(long, value_name = "MODEL", default_value = "model.safetensors")]
    out: PathBuf,

    /// Let the last block of the base learn too, after the head
    #[arg(long)]
    fine_tune: bool,

    /// Show the pictures changed at random: chapter5, light, none, or a JSON file
    #[arg(long, value_name = "HOW", default_value = "none")]
    augment: String,

    /// The most epochs of each stage; it ends earlier where nothing gets better
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: u32,

    /// Where everything random comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Leave the pictures out of the card, where they are private; their file names stay
    #[arg(long)]
    no_pictures: bool,
}

const EXAMPLES: &str = "\
Examples:
  convnet train holiday                      holiday/beach/*.jpg, holiday/mountains/*.jpg …
  convnet train cats_and_dogs --out cats.safetensors
  convnet train mushrooms --augment light --fine-tune
  convnet predict cats.safetensors kitten.jpg";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    made(arguments)
        .map_err(|error| if interruption::stopped(&error) { nothing(&arguments.out) } else { error })
}

/// That Ctrl-C came too early.
fn nothing(out: &Path) -> anyhow::Error {
    let older = if out.exists() { format!("; {} is an older one", out.display()) } else { String::new() };
    Interrupted(format!("interrupted before anything was learned: no model was written{older}")).into()
}

fn made(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let progress = &mut Progress::stderr();
    let page = arguments.out.with_extension("html");
    writable(&arguments.out)?;
    card::replaceable(&page)?;
    interruption::listen(&arguments.out)?;
    let augment = augmentation(&arguments.augment)?;
    let seed = Seed(arguments.seed);
    let folders = Folders::list(&arguments.pictures, seed)?;
    let base = Base::obtain(&arguments.base, arguments.size)?;
    progress.say(&format!("base: {}", base.told));
    let sets = Sets::load(folders, base.model.input(), progress)?;
    sets.told.iter().for_each(|line| progress.say(line));
    let mut learner = Learner::new(&base, &sets, arguments.epochs as usize, seed)?;
    learner.head(progress)?;
    if let Some(augment) = augment {
        learner.augmented(augment, progress)?;
    }
    if arguments.fine_tune {
        learner.fine_tuned(augment, progress)?;
    }
    let is_interrupted = learner.is_interrupted();
    if is_interrupted && !learner.has_learned() {
        return Err(nothing(&arguments.out));
    }
    let temperature = learner.calibrate(progress)?;
    let Learner { model, stages, not_begun, .. } = learner;
    let judged = sets.test.as_ref().unwrap_or(&sets.validation);
    let name = if sets.test.is_some() { "test" } else { "validation" };
    let evaluation = measured(&model, judged, &format!("judging the {name} pictures"), progress)?;
    model.save(&arguments.out).map_err(crate::lost)?;
    let figures = Figures::of(&evaluation, judged);
    let card = card::Card {
        model: &model,
        file: &arguments.out,
        base: &base.told,
        sets: &sets,
        judged,
        name,
        figures: &figures,
        evaluation: &evaluation,
        stages: &stages,
        not_begun: &not_begun,
        temperature,
        augment: &arguments.augment,
        seed: arguments.seed,
        seconds: started.elapsed().as_secs_f64(),
        with_pictures: !arguments.no_pictures,
    };
    write_file(&page, card.html()?.as_bytes()).map_err(crate::lost)?;
    crate::print(&format!(
        "{}\n{} after {}; its card: {}",
        figures.table(name),
        arguments.out.display(),
        words::seconds(started.elapsed().as_secs_f64()),
        page.display()
    ))?;
    if is_interrupted {
        bail!(Interrupted("interrupted: the model knows what was learned until then".into()));
    }
    Ok(())
}

/// The way in which pictures are changed.
fn augmentation(how: &str) -> Result<Option<Augment>> {
    Ok(match how {
        "none" => None,
        "chapter5" => Some(Augment::chapter5()),
        "light" => Some(Augment::light()),
        file => {
            const LARGEST: u64 = 1 << 16;
            let what = || {
                format!("--augment {file}: neither chapter5, light or none nor a JSON file that can be read")
            };
            if std::fs::metadata(file).with_context(what)?.len() > LARGEST {
                bail!("{file}: larger than any description of augmentation");
            }
            let text = std::fs::read_to_string(file).with_context(what)?;
            let what = || format!("{file}: not a description of augmentation, such as {{\"rotation\": 20}}");
            let named: serde_json::Map<_, _> = serde_json::from_str(&text).with_context(what)?;
            let augment: Augment = serde_json::from_value(named.into()).with_context(what)?;
            augment.check().with_context(|| file.to_string())?;
            Some(augment)
        }
    })
}

/// A path that cannot be written to is told before minutes of work, not after them.
fn writable(out: &Path) -> Result<()> {
    if out.is_dir() {
        bail!(
            "{} is a folder; name a file for the model, such as {}/model.safetensors",
            out.display(),
            out.display()
        );
    }
    if out.extension().is_some_and(|ending| !ending.eq_ignore_ascii_case("safetensors")) {
        bail!(
            "{}: a model is written as .safetensors; `convnet convert` makes other formats of it",
            out.display()
        );
    }
    if out.exists() && !out.is_file() {
        bail!("{} is a device or a pipe; name a file for the model", out.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = tempfile::tempfile_in(folder);
    probe.with_context(|| format!("no model can be written into {}", folder.display()))?;
    Ok(())
}
