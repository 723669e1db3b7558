//! SparkPost's bounce class of what a mail server answered, for providers that do not give one.
//!
//! All of it is inference: see docs/senders.md.

/// Nobody can tell.
pub(crate) const UNDETERMINED: u16 = 1;

/// The class of the enhanced status in a text, such as `5.1.1`, else of its code of three digits, else undetermined.
pub(crate) fn of_answer(status: Option<&str>, answer: Option<&str>) -> u16 {
    let texts = || status.into_iter().chain(answer);
    let words = answer.unwrap_or_default().to_ascii_lowercase();
    texts()
        .find_map(enhanced_status)
        .and_then(|status| of_status(status, &words))
        .or_else(|| texts().find_map(code).and_then(of_code))
        .unwrap_or(UNDETERMINED)
}

/// The class of an enhanced status. None for one that says nothing, such as `5.0.0`.
fn of_status((class, subject, detail): (u16, u16, u16), words: &str) -> Option<u16> {
    Some(match (subject, detail) {
        (0, _) => return None,
        (1, 2) if words.contains("dns") => 21,
        (1, 0..=3 | 6) | (2, 1) => 10,
        (1, 10) | (4, 4) => 21,
        (2, 2) => 22,
        (2, 3) | (3, 4) => 23,
        (4, 1 | 7) => 24,
        (5, _) => 40,
        (7, 1) if words.contains("relay") => 54,
        (7, _) => 50,
        _ if class == 4 => 20,
        _ => 30,
    })
}

fn of_code(code: &str) -> Option<u16> {
    Some(match code {
        "550" | "551" | "553" => 10,
        "552" | "452" => 22,
        "554" => 50,
        "421" | "450" | "451" => 70,
        _ => return None,
    })
}

/// The first enhanced status of a failure in a text.
pub(crate) fn enhanced_status(text: &str) -> Option<(u16, u16, u16)> {
    words(text).find_map(|word| {
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let is_status = parts.next().is_none() && matches!(class, "4" | "5");
        (is_status && subject.len() <= 3 && detail.len() <= 3).then_some(())?;
        Some((
            class.parse().ok()?,
            subject.parse().ok()?,
            detail.parse().ok()?,
        ))
    })
}

/// The first code of a failure in a text: three digits.
pub(crate) fn code(text: &str) -> Option<&str> {
    words(text).find(|word| {
        word.len() == 3
            && word.starts_with(['4', '5'])
            && word.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '.'))
        .map(|word| word.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_counts_before_the_code() {
        for (status, answer, class) in [
            (
                None,
                Some("smtp; 550 5.1.1 <jane@example.com>... User unknown"),
                10,
            ),
            (Some("5.2.2"), Some("552 mailbox full"), 22),
            (None, Some("421 4.4.1 Unable to connect"), 24),
            (None, Some("550 5.7.1 relaying denied"), 54),
            (None, Some("550 5.7.1 Spam"), 50),
            (None, Some("550 5.1.2 DNS lookup failed"), 21),
            (
                Some("5.1.10"),
                Some("550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
                21,
            ),
            (Some("5.0.0"), Some("500 unknown recipient"), 1),
            (Some("5.0.0"), Some("554 no"), 50),
            (Some("4.9.9"), None, 20),
            (Some("5.9.9"), None, 30),
            (None, Some("Unable to connect to 10.5.5.5"), 1),
            (None, None, 1),
        ] {
            assert_eq!(of_answer(status, answer), class, "{status:?} {answer:?}");
        }
    }

    #[test]
    fn codes_are_words_of_their_own() {
        assert_eq!(code("smtp;550 5.1.1"), Some("550"));
        assert_eq!(code("id 5501 a450b"), None);
    }
}
