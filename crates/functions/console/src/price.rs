//! Bytes that a query reads, and what Athena charges for them.

/// Athena bills in decimal terabytes (<https://aws.amazon.com/athena/pricing/>).
const USD_PER_TERABYTE: f64 = 5.0;
/// A query is billed for no less.
const LEAST_BILLED_BYTES: u64 = 10_000_000;

/// What a query that reads so many bytes costs, such as `$0.00005`.
pub(crate) fn price(scanned_bytes: u64) -> String {
    format!("${:.5}", usd(scanned_bytes))
}

fn usd(scanned_bytes: u64) -> f64 {
    as_float(scanned_bytes.max(LEAST_BILLED_BYTES)) / 1e12 * USD_PER_TERABYTE
}

/// A size in decimal units, by which Athena bills.
pub(crate) fn size(bytes: u64) -> String {
    let float = as_float(bytes);
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", float / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", float / 1e6),
        _ => format!("{:.2} GB", float / 1e9),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_the_cost_model() {
        for bytes in [0, 1, 10_000_000, 10_000_001, 20 << 30, u64::MAX] {
            let expected = cost_model::usage::query_usd(bytes);
            assert!((usd(bytes) - expected).abs() <= expected * 1e-9, "{bytes}");
        }
        assert_eq!(
            (price(1), price(21_474_836_480)),
            ("$0.00005".to_owned(), "$0.10737".to_owned())
        );
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        let sizes = [999, 1_500, 17_000_000, 21_474_836_480].map(size);
        assert_eq!(sizes, ["999 bytes", "1.5 kB", "17.0 MB", "21.47 GB"]);
    }
}
