//! Parquet's hybrid of run lengths and bit packing
//! (<https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>): for small numbers, many of them equal.

/// Shorter runs are packed: eight values packed take `width` bytes, a run takes two bytes or more.
const SHORTEST_RUN: usize = 8;
/// Packed values come in groups of eight.
const GROUP: usize = 8;

/// Appends `values`, each of at most `width` bits.
pub(super) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    // Values before `at` from `packed_from` on wait to be packed.
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let run = run_len(&values[at..]);
        // Only whole groups may be packed before a run, so it gives up the values that fill the last one.
        let missing = (at - packed_from).next_multiple_of(GROUP) - (at - packed_from);
        if run >= SHORTEST_RUN + missing {
            pack(&values[packed_from..at + missing], width, out);
            encode_run(values[at], run - missing, width, out);
            packed_from = at + run;
        }
        at += run;
    }
    pack(&values[packed_from..], width, out);
}

/// Appends `count` times `value`.
pub(super) fn encode_run(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    varint(count << 1, out);
    let bytes = usize::from(width.div_ceil(8));
    out.extend_from_slice(&value.to_le_bytes()[..bytes]);
}

fn run_len(values: &[u32]) -> usize {
    let first = values.first();
    values
        .iter()
        .take_while(|value| Some(*value) == first)
        .count()
}

fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    varint(groups << 1 | 1, out);
    let end = out.len() + groups * usize::from(width);
    let mut bits: u64 = 0;
    let mut bit_count = 0;
    for value in values {
        bits |= u64::from(*value) << bit_count;
        bit_count += width;
        if bit_count >= 32 {
            out.extend_from_slice(&bits.to_le_bytes()[..4]);
            bits >>= 32;
            bit_count -= 32;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes());
    // What is beyond the last value is zero: the rest of the last group, or bytes too many.
    out.resize(end, 0);
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).expect("seven bits fit")
}

/// Appends the `count` values of `width` bits at the start of `bytes`, and returns how many bytes they took. `None` when there
/// are fewer.
pub(super) fn decode(bytes: &[u8], width: u8, count: usize, out: &mut Vec<u32>) -> Option<usize> {
    let value_bytes = usize::from(width.div_ceil(8));
    let end = out.len() + count;
    let mut rest = bytes;
    while out.len() < end {
        let wanted = end - out.len();
        let header = read_varint(&mut rest)?;
        if header & 1 == 0 {
            let (value, after) = rest.split_at_checked(value_bytes)?;
            let value = value
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | u32::from(*byte));
            out.extend(std::iter::repeat_n(value, wanted.min(header >> 1)));
            rest = after;
        } else {
            let (packed, after) =
                rest.split_at_checked((header >> 1).checked_mul(width.into())?)?;
            unpack(
                packed,
                width,
                wanted.min((header >> 1).checked_mul(GROUP)?),
                out,
            );
            rest = after;
        }
        // A run of nothing would go on for ever.
        if header < 2 {
            return None;
        }
    }
    Some(bytes.len() - rest.len())
}

fn unpack(packed: &[u8], width: u8, count: usize, out: &mut Vec<u32>) {
    let mask = u64::from(u32::MAX >> (u32::BITS - u32::from(width).max(1)));
    let width = usize::from(width);
    out.extend((0..count).map(|index| {
        let bit = index * width;
        let mut bytes = [0; 8];
        let from = &packed[bit / 8..];
        let len = from.len().min(8);
        bytes[..len].copy_from_slice(&from[..len]);
        let value = u64::from_le_bytes(bytes) >> (bit % 8) & mask;
        u32::try_from(value).expect("masked to 32 bits")
    }));
}

fn read_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for index in 0..5 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The bits that it takes to write `largest`, at least one: readers disagree about numbers without any.
pub(super) fn width_of(largest: usize) -> u8 {
    u8::try_from(usize::BITS - largest.leading_zeros())
        .expect("a number has at most 64 bits")
        .max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The format's description, read word by word.
    fn read_by_the_book(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let mut header = 0_u64;
            for index in 0.. {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << (7 * index);
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(usize::from(width.div_ceil(8)));
                bytes = rest;
                let value = value
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u32::from(*byte));
                values.extend((0..header >> 1).map(|_| value));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) as usize * usize::from(width));
                bytes = rest;
                let bit = |index: usize| u32::from(packed[index / 8] >> (index % 8) & 1);
                let groups = packed.len() * 8 / usize::from(width);
                values.extend((0..groups).map(|value| {
                    (0..usize::from(width))
                        .map(|index| bit(value * usize::from(width) + index) << index)
                        .sum::<u32>()
                }));
            }
        }
        assert!(bytes.is_empty(), "{bytes:?}");
        values.truncate(count);
        values
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(
            width in 1_u8..=32,
            runs in proptest::collection::vec((any::<u32>(), 1_usize..40), 0..40),
        ) {
            let mask = u32::MAX >> (32 - width);
            let values: Vec<u32> = runs
                .iter()
                .flat_map(|(value, count)| std::iter::repeat_n(value & mask, *count))
                .collect();

            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);

            prop_assert_eq!(&read_by_the_book(&bytes, width, values.len()), &values);
            let len = bytes.len();
            bytes.extend_from_slice(b"what follows");
            let mut decoded = Vec::new();
            prop_assert_eq!(decode(&bytes, width, values.len(), &mut decoded), Some(len));
            prop_assert_eq!(decoded, values);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, width in 1_u8..=32, count in 0_usize..100) {
            let mut decoded = Vec::new();

            let is_read = decode(&bytes, width, count, &mut decoded).is_some();

            prop_assert!(!is_read || decoded.len() == count);
        }
    }

    #[test]
    fn equal_values_take_next_to_nothing() {
        let mut bytes = Vec::new();

        encode(&vec![5; 1_000_000], 20, &mut bytes);

        assert_eq!(bytes.len(), 3 + 3);
    }

    #[test]
    fn widths() {
        let widths = [0, 1, 2, 3, 255, 256].map(width_of);

        assert_eq!(widths, [1, 1, 2, 2, 8, 9]);
    }
}
