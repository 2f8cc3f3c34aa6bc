//! Smooth noise and turns from whole-number arithmetic, sums and products alone: no library of mathematics is asked, so
//! every machine paints the same bits.

/// 32 well mixed bits for a place of a lattice.
pub(super) fn hash(seed: u32, x: i32, y: i32) -> u32 {
    let mut bits = seed ^ (x as u32).wrapping_mul(0x9E37_79B9) ^ (y as u32).wrapping_mul(0x5851_F42D);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x4C95_7F2D);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0x1405_7B7F);
    bits ^ (bits >> 16)
}

/// The bits as a number in [0, 1).
pub(super) fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// The lattice point at or before `x`, and how far `x` lies behind it, 0 … 1.
pub(super) fn cell(x: f32) -> (i32, f32) {
    // Whole negative numbers get the cell before theirs, where they lie at its far end: the same place.
    let whole = (x as i32).wrapping_sub(i32::from(x < 0.0));
    (whole, x - whole as f32)
}

/// From 0 to 1 with level ends, for `t` in 0 … 1.
pub(super) fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

pub(super) fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + share * (b - a)
}

/// Noise in 0 … 1 whose hills are about one unit wide.
pub(super) fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let ((column, right), (row, down)) = (cell(x), cell(y));
    let corner = |dx, dy| unit(hash(seed, column.wrapping_add(dx), row.wrapping_add(dy)));
    let right = smooth(right);
    mix(mix(corner(0, 0), corner(1, 0), right), mix(corner(0, 1), corner(1, 1), right), smooth(down))
}

/// Sine and cosine of an angle in turns, −1 … 1.
pub(super) fn sine_cosine(turns: f32) -> [f32; 2] {
    [sine(turns), sine(turns + 0.25)]
}

fn sine(turns: f32) -> f32 {
    // Folded into the quarter turns on either side of zero, where the odd Taylor polynomial is good to 2e-4.
    let t = turns - turns.round();
    let t = if t > 0.25 {
        0.5 - t
    } else if t < -0.25 {
        -0.5 - t
    } else {
        t
    };
    let x = std::f32::consts::TAU * t;
    let square = x * x;
    x * (1.0 - square * (1.0 / 6.0 - square * (1.0 / 120.0 - square / 5040.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_those_of_the_library() {
        for step in -200..=200 {
            let turns = step as f32 / 100.0;
            let [sin, cos] = sine_cosine(turns);
            let (expected_sin, expected_cos) = (turns * std::f32::consts::TAU).sin_cos();
            assert!((sin - expected_sin).abs() < 3e-4 && (cos - expected_cos).abs() < 3e-4, "{turns} turns");
        }
    }

    #[test]
    fn noise_is_smooth_even_and_free_of_rows() {
        let (mut sum, mut steps) = (0.0, 0.0_f32);
        for row in -50..50 {
            for column in -50..50 {
                let (x, y) = (0.37 * column as f32, 0.41 * row as f32);
                let here = noise(9, x, y);
                assert!((0.0..=1.0).contains(&here));
                sum += here;
                steps =
                    steps.max((noise(9, x + 0.01, y) - here).abs()).max((noise(9, x, y + 0.01) - here).abs());
            }
        }
        assert!((0.45..0.55).contains(&(sum / 10_000.0)), "mean {}", sum / 10_000.0);
        assert!(steps < 0.02, "a step of {steps}");
        // Neighbours on the lattice do not go together, in either direction.
        for (dx, dy) in [(1, 0), (0, 1), (1, 1)] {
            let product = |x, y| (unit(hash(3, x, y)) - 0.5) * (unit(hash(3, x + dx, y + dy)) - 0.5);
            let mean = (0..10_000).map(|place| product(place % 100, place / 100)).sum::<f32>() / 10_000.0;
            assert!(mean.abs() < 0.004, "{mean} for ({dx}, {dy})");
        }
    }
}
