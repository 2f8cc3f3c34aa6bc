//! One scene: drawn from a stream as a description, then painted in any size.

use super::backdrop::{Backdrop, Shadow, blade, thing};
use super::creature::{Creature, tilt};
use super::framing::Framing;
use super::head::REACH;
use super::markings::{Coat, Markings};
use super::noise::hash;
use super::solid::{Easel, Light, Placement, Solid};
use super::traits::{Looks, Subject, Traits};
use crate::generated::canvas::Point;
use convnet_tensor::Stream;

/// A creature or a thing in a place, as a description that no longer depends on chance.
///
/// ```
/// use convnet_data::generated::{Ears, Framing, Scene, Traits};
/// use convnet_tensor::{Purpose, Seed};
/// let mut stream = Seed(1).stream(Purpose::Generate, 0, 0);
/// let round = Traits { ears: Some(Ears::Round), ..Traits::default() };
/// let scene = Scene::draw(round.into(), &Framing::stand_in(), &mut stream);
/// assert_eq!(scene.traits().and_then(|traits| traits.ears), Some(Ears::Round));
/// let (mut picture, mut mask) = ([0; 60 * 80 * 3], [0; 60 * 80]);
/// scene.paint(60, 80, &mut picture, &mut mask);
/// assert!(mask.contains(&255) && mask.contains(&0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// What is left of a creature beside its body; `None` for a thing.
    creature: Option<Creature>,
    solid: Solid,
    shadow: Shadow,
    backdrop: Backdrop,
    behind: Vec<Solid>,
    before: Vec<Solid>,
    light: Light,
    /// How strongly the camera's grain shows.
    grain: f32,
    seed: u32,
}

impl Scene {
    /// Draws a scene that is about `subject`. The same stream gives the same scene but for a creature's traits.
    pub fn draw(subject: Subject, framing: &Framing, stream: &mut Stream) -> Scene {
        let (creature, figure, markings, ground) = match subject {
            Subject::Creature(traits) => {
                let looks = Looks::draw(traits, stream);
                let creature = Creature::draw(looks, stream);
                let (figure, head, ground) = creature.build();
                (Some((creature, head)), figure, looks.markings, ground)
            }
            Subject::Thing(thing, markings) => {
                let drawn = Markings::ALL[stream.below(Markings::ALL.len())];
                (None, thing.build(stream), markings.unwrap_or(drawn), 0.5)
            }
        };
        let frequency = stream.between(3.0, 7.0);
        let coat = Coat::draw(stream, markings, frequency);
        let head = creature.as_ref().map(|(creature, head)| (*head, creature.head.radius));
        let place = placement(framing, head, stream);
        let foot = on_picture(&place, Point { x: 0.0, y: ground });
        Scene {
            creature: creature.map(|(creature, _)| creature),
            solid: Solid { parts: figure.parts, coat, place },
            shadow: Shadow { at: foot, radius: place.scale * 0.85, strength: stream.between(0.1, 0.55) },
            backdrop: Backdrop::draw(stream),
            behind: (0..3 + stream.below(6)).map(|_| thing(stream)).collect(),
            before: (0..stream.below(4)).map(|_| blade(stream)).collect(),
            light: light(stream),
            grain: stream.between(0.01, 0.05),
            seed: stream.bits() as u32,
        }
    }

    /// What its creature looks like, nothing left open; `None` where it is about a thing.
    pub fn traits(&self) -> Option<Traits> {
        self.creature.as_ref().map(|creature| creature.looks.into())
    }

    /// Paints the scene in red, green and blue into `picture` (`height × width × 3` bytes), and into `mask`
    /// (`height × width` bytes) 255 where at least half of a pixel shows its subject, else 0.
    ///
    /// # Panics
    /// When a slice has another length.
    pub fn paint(&self, height: usize, width: usize, picture: &mut [u8], mask: &mut [u8]) {
        Painter::new(height, width).paint(self, picture, mask);
    }
}

/// Memory that is used again from one scene to the next.
pub(super) struct Painter {
    easel: Easel,
}

impl Painter {
    pub(super) fn new(height: usize, width: usize) -> Painter {
        Painter { easel: Easel::new(height, width) }
    }

    pub(super) fn paint(&mut self, scene: &Scene, picture: &mut [u8], mask: &mut [u8]) {
        let easel = &mut self.easel;
        let size = easel.colours.len();
        assert_eq!((picture.len(), mask.len()), (3 * size, size), "bytes of picture and mask");
        easel.object.fill(0.0);
        scene.backdrop.paint(easel, &scene.light, &scene.shadow);
        for solid in &scene.behind {
            easel.paint(solid, &scene.light, false);
        }
        easel.paint(&scene.solid, &scene.light, true);
        for solid in &scene.before {
            easel.paint(solid, &scene.light, false);
        }
        for (pixel, (to, colour)) in picture.as_chunks_mut::<3>().0.iter_mut().zip(&easel.colours).enumerate()
        {
            let bits = hash(scene.seed, (pixel % easel.width) as i32, (pixel / easel.width) as i32);
            let common = centred(bits);
            for (channel, (to, colour)) in to.iter_mut().zip(colour).enumerate() {
                // Most of a camera's grain is in brightness, some in colour.
                let noise = 0.7 * common + 0.5 * centred(bits.rotate_left(11 + 7 * channel as u32));
                // The cast cuts off what is behind the point, and whatever is out of range.
                *to = (255.0 * (colour + scene.grain * noise) + 0.5) as u8;
            }
        }
        for (to, &covered) in mask.iter_mut().zip(&easel.object) {
            *to = if covered >= 0.5 { 255 } else { 0 };
        }
    }
}

/// The sum of two uniform numbers, −1 … 1: near enough to a normal one, and much cheaper.
fn centred(bits: u32) -> f32 {
    ((bits & 0xffff) as f32 + (bits >> 16) as f32) * (1.0 / 65_535.0) - 1.0
}

/// A place in the picture. Of a creature the whole head is shown, whatever else leaves the frame; `head` is its middle and
/// radius.
fn placement(framing: &Framing, head: Option<(Point, f32)>, stream: &mut Stream) -> Placement {
    let Framing { scale: [small, large], turn, shift } = *framing;
    let scale = stream.between(small, large);
    let turn = tilt(stream, turn);
    let mirrored = stream.below(2) == 0;
    let at = Point { x: 0.5 + stream.between(-shift, shift), y: 0.5 + stream.between(-shift, shift) };
    let place = Placement { at, scale, turn, mirrored };
    let Some((head, radius)) = head else { return place };
    let shown = on_picture(&place, head);
    let margin = (REACH * radius * scale).min(0.5);
    let moved = |at: f32, shown: f32| at + shown.clamp(margin, 1.0 - margin) - shown;
    Placement { at: Point { x: moved(at.x, shown.x), y: moved(at.y, shown.y) }, ..place }
}

/// Where a point of a body is, in fractions of a square picture; in a longer one it is nearer to the body's origin.
fn on_picture(place: &Placement, point: Point) -> Point {
    let [sin, cos] = place.turn;
    let x = if place.mirrored { -point.x } else { point.x };
    Point {
        x: place.at.x + place.scale * (cos * x - sin * point.y),
        y: place.at.y + place.scale * (sin * x + cos * point.y),
    }
}

fn light(stream: &mut Stream) -> Light {
    let (x, y, z) = (stream.between(-0.8, 0.8), stream.between(-1.0, 0.0), stream.between(0.3, 1.0));
    let per_length = 1.0 / (x * x + y * y + z * z).sqrt();
    let (bright, warm) = (stream.between(0.35, 0.75), stream.between(-0.12, 0.12));
    Light {
        direction: [x * per_length, y * per_length, z * per_length],
        ambient: stream.between(0.45, 0.85),
        lamp: [bright * (1.0 + warm), bright, bright * (1.0 - warm)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_tensor::{Purpose, Seed};

    const SIDE: usize = 100;

    fn paint(scene: &Scene) -> (Vec<u8>, Vec<u8>) {
        let (mut picture, mut mask) = (vec![0; 3 * SIDE * SIDE], vec![0; SIDE * SIDE]);
        scene.paint(SIDE, SIDE, &mut picture, &mut mask);
        (picture, mask)
    }

    /// Whether `mask` is `value` at a pixel and at all its neighbours in the picture.
    fn all_around(mask: &[u8], pixel: usize, value: u8) -> bool {
        let (row, column) = (pixel / SIDE, pixel % SIDE);
        let around = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
        around(row).all(|r| around(column).all(|c| mask[r * SIDE + c] == value))
    }

    #[test]
    fn the_mask_shows_the_creature_all_of_it_and_only_it() {
        for number in 0..60 {
            let mut scene = Scene::draw(
                Traits::default().into(),
                &Framing::stand_in(),
                &mut Seed(3).stream(Purpose::Generate, 9, number),
            );
            let (with, mask) = paint(&scene);
            scene.solid.parts.clear();
            let (without, empty) = paint(&scene);
            assert!(empty.iter().all(|&pixel| pixel == 0));
            let (mut inside, mut changed) = (0, 0);
            let mut stray = 0;
            for pixel in 0..SIDE * SIDE {
                let differs = with[3 * pixel..3 * pixel + 3] != without[3 * pixel..3 * pixel + 3];
                stray += usize::from(differs && all_around(&mask, pixel, 0));
                if all_around(&mask, pixel, 255) {
                    inside += 1;
                    changed += usize::from(differs);
                }
            }
            // Where a blade hides most of a pixel, what is left of the creature shows, but does not count.
            assert!(stray <= SIDE * SIDE / 500, "scene {number}: {stray} pixels show it outside the mask");
            // By chance, a pixel of the creature has the very colour of what it hides.
            assert!(
                changed * 50 >= inside * 49,
                "scene {number}: {changed} of {inside} pixels inside show it"
            );
        }
    }

    #[test]
    fn the_whole_head_is_in_the_picture_or_in_its_middle() {
        for number in 0..500 {
            let scene = Scene::draw(
                Traits::default().into(),
                &Framing::stand_in(),
                &mut Seed(4).stream(Purpose::Generate, 9, number),
            );
            let creature = scene.creature.as_ref().unwrap();
            let (_, head, _) = creature.build();
            let at = on_picture(&scene.solid.place, head);
            let reach = REACH * creature.head.radius * scene.solid.place.scale;
            // So near that it reaches beyond the edges, it is cut off by a quarter of its reach at most.
            assert!(reach < 0.67, "scene {number}: a head of {reach}");
            let margin = reach.min(0.5) - 1e-4;
            for place in [at.x, at.y] {
                assert!(place >= margin && place <= 1.0 - margin, "scene {number}: head at {at:?}");
            }
        }
    }
}
