//! All changes of geometry as one matrix, and its inverse.

use crate::Parameters;

/// From (x, y) to `row[0] · x + row[1] · y + row[2]` of both rows.
pub(crate) type Matrix = [[f64; 3]; 2];

/// From a pixel of the output to its place in the picture: W · C · R · T · S · Z · C⁻¹ · F, where F flips, C moves the origin
/// to the centre of the output, Z zooms, S shears, T shifts, R rotates and W goes to the window that is shown.
pub(crate) fn of(parameters: &Parameters, output: [usize; 2]) -> Matrix {
    let [height, width] = output.map(|n| n as f64);
    let p = parameters;
    let (sine, cosine) = sine_and_cosine(f64::from(p.rotation));
    let rotation = [[cosine, -sine, 0.0], [sine, cosine, 0.0]];
    let shift = shift(f64::from(p.width_shift) * width, f64::from(p.height_shift) * height);
    let (sine, cosine) = f64::from(p.shear).sin_cos();
    let shear = [[1.0, -sine, 0.0], [0.0, cosine, 0.0]];
    let zoom = [[f64::from(p.zoom[0]), 0.0, 0.0], [0.0, f64::from(p.zoom[1]), 0.0]];
    let about_centre = [rotation, shift, shear, zoom].into_iter().reduce(product).expect("four matrices");

    let (x, y) = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
    let from_centre = product(product(self::shift(x, y), about_centre), self::shift(-x, -y));
    let flip = |flips, n: f64| if flips { (-1.0, n - 1.0) } else { (1.0, 0.0) };
    let (x_sign, x_start) = flip(p.horizontal_flip, width);
    let (y_sign, y_start) = flip(p.vertical_flip, height);
    let flipped = product(from_centre, [[x_sign, 0.0, x_start], [0.0, y_sign, y_start]]);
    match p.window {
        None => flipped,
        Some(window) => {
            // Half a pixel: centres are whole numbers, the window's edges are measured from the edge of a pixel.
            let axis = |start, size, n| (size / n, start + size / n / 2.0 - 0.5);
            let (x_scale, x_start) = axis(window.left, window.width, width);
            let (y_scale, y_start) = axis(window.top, window.height, height);
            product([[x_scale, 0.0, x_start], [0.0, y_scale, y_start]], flipped)
        }
    }
}

fn shift(x: f64, y: f64) -> Matrix {
    [[1.0, 0.0, x], [0.0, 1.0, y]]
}

/// First `b`, then `a`.
fn product(a: Matrix, b: Matrix) -> Matrix {
    a.map(|[x, y, start]| {
        let [first, second] = b;
        [x * first[0] + y * second[0], x * first[1] + y * second[1], x * first[2] + y * second[2] + start]
    })
}

/// Of an angle in degrees; exact for quarter turns, so that they move whole pixels.
fn sine_and_cosine(degrees: f64) -> (f64, f64) {
    let quarters = (degrees / 90.0).round();
    let (sine, cosine) = (degrees - 90.0 * quarters).to_radians().sin_cos();
    match quarters.rem_euclid(4.0) {
        1.0 => (cosine, -sine),
        2.0 => (-sine, -cosine),
        3.0 => (-cosine, sine),
        _ => (sine, cosine),
    }
}

/// Where a point of the matrix's result comes from; `None` where the matrix flattens the plane.
pub(crate) fn undo(matrix: &Matrix, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
    let [[a, b, c], [d, e, f]] = *matrix;
    let determinant = a * e - b * d;
    let (x, y) = (x - c, y - f);
    let point = [(e * x - b * y) / determinant, (a * y - d * x) / determinant];
    point.iter().all(|number| number.is_finite()).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_are_exact_and_other_angles_are_the_usual_ones() {
        let exact = [0.0, 90.0, 180.0, 270.0, 360.0, -90.0, -180.0].map(sine_and_cosine);
        let expected =
            [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)];
        assert_eq!(exact, expected);
        for degrees in -800..800 {
            let (sine, cosine) = sine_and_cosine(f64::from(degrees));
            let (expected_sine, expected_cosine) = f64::from(degrees).to_radians().sin_cos();
            assert!((sine - expected_sine).abs() < 1e-14 && (cosine - expected_cosine).abs() < 1e-14);
        }
    }

    #[test]
    fn undoing_is_the_inverse() {
        let parameters = Parameters {
            rotation: 33.0,
            shear: 0.3,
            zoom: [0.7, 1.2],
            width_shift: 0.1,
            ..Parameters::default()
        };
        let matrix = of(&parameters, [40, 60]);
        let [x, y] = undo(&matrix, [12.0, 31.0]).unwrap();
        let [back_x, back_y] = matrix.map(|[a, b, c]| a * x + b * y + c);
        assert!((back_x - 12.0).abs() < 1e-12 && (back_y - 31.0).abs() < 1e-12);
        assert_eq!(undo(&[[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]], [1.0, 1.0]), None);
    }
}
