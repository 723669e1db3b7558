//! Times as providers write them, in the one form that keys and events have: decimal seconds since 1970.

use event_model::{Timestamp, read_instant};

/// A time as decimal seconds with as many decimals as it has, up to six; as it came if it is not one, for the reason that the
/// event is then rejected with.
///
/// Milliseconds are recognised by their number of digits; zones are taken into account; a time without one is UTC.
pub(crate) fn to_decimal(text: &str) -> String {
    read_instant(text.trim()).map_or_else(|| text.to_owned(), of_instant)
}

fn of_instant(instant: Timestamp) -> String {
    let micros = instant.unix_micros();
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    if rest == 0 {
        seconds.to_string()
    } else {
        format!("{seconds}.{rest:06}")
            .trim_end_matches('0')
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_providers_are_read() {
        for (text, decimal) in [
            ("1513299569", "1513299569"),
            ("1591726752372", "1591726752.372"),
            ("1521472262.908181", "1521472262.908181"),
            ("2016-04-27T16:28:50.3963933-04:00", "1461788930.396393"),
            ("2022-06-05T17:17:32Z", "1654449452"),
            ("2024-02-26T10:00:00.894719+00:00", "1708941600.894719"),
            ("2023-11-22 23:41:12+00", "1700696472"),
            ("2025-01-15T10:30:00.100Z", "1736937000.1"),
            ("soon", "soon"),
        ] {
            assert_eq!(to_decimal(text), decimal, "{text}");
        }
    }
}
