//! Settings of a node that is written.

use super::wire::Message;
use convnet_layers::{Borders, Window};

/// The settings of a window over a picture, with its padding as numbers.
pub(super) fn settings(window: Window) -> Vec<(&'static str, Vec<i64>)> {
    let Window { size, stride, dilation, padding: Borders { top, bottom, left, right } } = window;
    let list = |numbers: &[usize]| numbers.iter().map(|&number| number as i64).collect();
    vec![
        ("kernel_shape", list(&size)),
        ("strides", list(&stride)),
        ("dilations", list(&dilation)),
        ("pads", list(&[top, left, bottom, right])),
    ]
}

/// Adds a list of whole numbers as an attribute.
pub(super) fn ints(node: Message, (name, wholes): &(&str, Vec<i64>)) -> Message {
    let attribute = Message::default().text(1, name).whole(20, 7);
    node.message(5, wholes.iter().fold(attribute, |attribute, &whole| attribute.whole(8, whole)))
}

pub(super) fn int(node: Message, name: &str, whole: i64) -> Message {
    node.message(5, Message::default().text(1, name).whole(3, whole).whole(20, 2))
}

pub(super) fn float(node: Message, name: &str, number: f32) -> Message {
    node.message(5, Message::default().text(1, name).fraction(2, number).whole(20, 1))
}
