//! SparkPost's bounce class of Postmark's codes of types.

use crate::bounce_class;

/// The class of an event, from its code of a type and what the mail server answered.
pub(super) fn of(type_code: Option<&str>, details: Option<&str>) -> u16 {
    match type_code {
        Some("1" | "100000") => 10,
        Some("2") => 70,
        Some("16") => 90,
        Some("32") => 80,
        Some("64" | "128") => 60,
        Some("256") => 21,
        Some("512") => 51,
        Some("1024") => 54,
        Some("2048") => bounce_class::UNDETERMINED,
        Some("4096") => 20,
        Some("8192") => 53,
        Some("16384") => 100,
        Some("100002" | "100003" | "100007") => 25,
        Some("100006" | "100009") => 50,
        _ => bounce_class::of_answer(None, details),
    }
}
