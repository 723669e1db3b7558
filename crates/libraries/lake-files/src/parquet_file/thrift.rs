//! Thrift's compact protocol, as far as it takes to find out how much a structure claims to hold.
//!
//! Format: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>. The parquet crate allocates what a
//! length says before it reads that much, so lengths are compared with the bytes that are there first.

/// Structures of Parquet are nested less deeply.
const MAX_DEPTH: u32 = 16;

/// Types of the compact protocol.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const STRUCT: u8 = 12;
}

/// Bytes that are being read. Every method returns `None` when they are not what they should be, or end too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
}

/// A field of a structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) id: i64,
    kind: u8,
}

impl Field {
    /// Whether it is no field, but the end of the structure.
    pub(super) fn is_end(self) -> bool {
        self.kind == kind::END
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// How many bytes follow.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The next field of a structure whose last one was `last`, or the structure's end ([`Field::is_end`]).
    pub(super) fn field(&mut self, last: Option<Field>) -> Option<Field> {
        let header = self.byte()?;
        let kind = header & 0x0f;
        let id = match header >> 4 {
            0 if kind == kind::END => 0,
            0 => self.zigzag()?,
            delta => last.map_or(0, |last| last.id).checked_add(delta.into())?,
        };
        Some(Field { id, kind })
    }

    /// The whole number that is the value of `field`.
    pub(super) fn integer(&mut self, field: Field) -> Option<i64> {
        matches!(field.kind, kind::I16 | kind::I32 | kind::I64)
            .then(|| self.zigzag())
            .flatten()
    }

    /// Whether the value of `field` is a structure, which is read next.
    pub(super) fn is_struct(field: Field) -> bool {
        field.kind == kind::STRUCT
    }

    /// The number of structures in the list that is the value of `field`; they are read next.
    pub(super) fn structs(&mut self, field: Field) -> Option<usize> {
        if field.kind != kind::LIST {
            return None;
        }
        let (element, count) = self.list()?;
        (count == 0 || element == kind::STRUCT).then_some(count)
    }

    /// Passes over the value of `field`.
    pub(super) fn skip(&mut self, field: Field) -> Option<()> {
        self.skip_value(field.kind, MAX_DEPTH)
    }

    fn skip_fields(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mut last = None;
        loop {
            let field = self.field(last)?;
            if field.is_end() {
                break;
            }
            self.skip_value(field.kind, depth)?;
            last = Some(field);
        }
        Some(())
    }

    fn skip_value(&mut self, value: u8, depth: u32) -> Option<()> {
        match value {
            kind::TRUE | kind::FALSE => Some(()),
            kind::BYTE => self.take(1).map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.take(8).map(drop),
            kind::BINARY => {
                let len = usize::try_from(self.varint()?).ok()?;
                self.take(len).map(drop)
            }
            kind::LIST | kind::SET => {
                let depth = depth.checked_sub(1)?;
                let (element, count) = self.list()?;
                for _ in 0..count {
                    match element {
                        // An element has a byte of its own, unlike a field, whose type says it.
                        kind::TRUE | kind::FALSE => self.take(1).map(drop)?,
                        other => self.skip_value(other, depth)?,
                    }
                }
                Some(())
            }
            kind::STRUCT => self.skip_fields(depth),
            // Maps, which Parquet does not have, and types that do not exist.
            _ => None,
        }
    }

    /// A list's type and length. Every element takes a byte at least.
    fn list(&mut self) -> Option<(u8, usize)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            count => usize::from(count),
        };
        (count <= self.remaining()).then_some((header & 0x0f, count))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        let half = i64::try_from(number >> 1).ok()?;
        Some(if number & 1 == 0 { half } else { !half })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_the_specification_writes_them() {
        for (bytes, expected) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0x03], -2),
            (&[0xac, 0x02], 150),
        ] {
            assert_eq!(Cursor::new(bytes).zigzag(), Some(expected));
        }
        assert_eq!(Cursor::new(&[0xff; 11]).zigzag(), None);
        assert_eq!(Cursor::new(&[]).zigzag(), None);
    }

    #[test]
    fn list_longer_than_its_bytes_is_none() {
        // Field 4, a list of 2^28 structures, of which there is one.
        let bytes = [0x49, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00, 0x00];
        assert_eq!(Cursor::new(&bytes).skip_fields(MAX_DEPTH), None);
        let bytes = [0x49, 0x1c, 0x00, 0x00];
        assert_eq!(Cursor::new(&bytes).skip_fields(MAX_DEPTH), Some(()));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = [0x1c].repeat(1_000_000);
        assert_eq!(Cursor::new(&nested).skip_fields(MAX_DEPTH), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            let _ = cursor.skip_fields(MAX_DEPTH);
            prop_assert!(cursor.remaining() <= bytes.len());
        }
    }
}
