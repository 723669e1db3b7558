use proptest::prelude::*;

use super::*;

#[test]
fn forms_are_known_by_their_first_bytes() {
    for (bytes, form) in [
        (&b"\x1f\x8b\x08\0"[..], ByteForm::Gzip),
        (b"\x78\x9c\xab", ByteForm::Zlib),
        (b"\x78\x01\xab", ByteForm::Zlib),
        (b"\x28\xb5\x2f\xfd\x20", ByteForm::Zstandard),
        (b"BZh91AY&SY", ByteForm::Bzip2),
        (b"\xfd7zXZ\0\0", ByteForm::Xz),
        (b"\x04\x22\x4d\x18\x64", ByteForm::Lz4),
        (b"\xff\x06\0\0sNaPpY\0", ByteForm::Snappy),
        (b"\x82SNAPPY\0\0\0", ByteForm::Snappy),
        (b"\xf0\x01\xc0{\"event\":\"x\",", ByteForm::Snappy),
        (b"\xe4\x5d\xf0\xff[{\"event\":\"x\",", ByteForm::Snappy),
        (
            b"\0\0\0\x20\0\0\0\x1e\x20\x70{\"event\":1}",
            ByteForm::Snappy,
        ),
        (b"PK\x03\x04\x14\0", ByteForm::Zip),
        (b"PAR1\x15", ByteForm::Parquet),
        (b"\xff\xfe{\0\"\0", ByteForm::Utf16),
        (b"\xfe\xff\0{\0\"", ByteForm::Utf16),
        (b"{\0\"\0a\0", ByteForm::Utf16),
        (b"\0[\0{", ByteForm::Utf16),
        (b"\xff\xfe\0\0{\0\0\0", ByteForm::Utf32),
        (b"{\0\0\0\"\0\0\0", ByteForm::Utf32),
    ] {
        assert_eq!(ByteForm::of(bytes), Some(form), "{bytes:?}");
    }
}

#[test]
fn text_and_unknown_bytes_are_none_of_them() {
    for bytes in [
        &b""[..],
        b"{}",
        b"[1]",
        b" \n{}",
        b"\xef\xbb\xbf{}",
        b"\xef\xbb\xbf\n\xef\xbb\xbf[]",
        b"hello",
        b"x",
        b"id,name\n1,a",
        b"\0",
        b"\xff",
        b"at {\"a\":1}",
        b"\0\0\0{\"a\":1}",
        b"\0\0\0\0\0\0\0{\"a\":1}",
        b"hX{}",
        b"\xc3\xa9 {}",
    ] {
        assert_eq!(ByteForm::of(bytes), None, "{bytes:?}");
    }
}

#[test]
fn forms_are_known_after_they_were_taken_for_text() {
    for bytes in [
        &b"\x1f\x8b\x08\0\0\xfe"[..],
        b"PK\x03\x04\x14",
        b"\x28\xb5\x2f\xfd\x20",
        b"\xff\xfe{\0\"\0",
    ] {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(ByteForm::of_text(&text), ByteForm::of(bytes), "{text:?}");
    }
    for text in ["", "{}", "hello", "\u{fffd}"] {
        assert_eq!(ByteForm::of_text(text), None, "{text:?}");
    }
}

#[test]
fn marks_are_skipped_wherever_white_space_may_be() {
    assert_eq!(
        skip_byte_order_marks(b"\xef\xbb\xbf \xef\xbb\xbf\r\n{"),
        b"{"
    );
    assert_eq!(skip_byte_order_marks(b"\xef\xbb{"), b"\xef\xbb{");
}

proptest! {
    #[test]
    fn text_that_begins_as_json_is_never_taken_for_something_else(
        lead in "[ \n]{0,3}",
        start in r#"[{\["0-9-]"#,
        rest in "[ -~]{0,80}",
    ) {
        let text = lead + &start + &rest;
        prop_assert_eq!(ByteForm::of(text.as_bytes()), None);
    }

    #[test]
    fn any_bytes_are_judged_by_the_first_of_them(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let start = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
        // Leading white space and marks may have any length; compressed bytes have none.
        prop_assume!(bytes.first().is_some_and(|byte| !byte.is_ascii_whitespace()));
        prop_assert_eq!(ByteForm::of(&bytes), ByteForm::of(start));
    }
}
