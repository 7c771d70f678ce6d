//! Bytes in text: `0x` and two digits for each, as JSON and command lines carry them.

/// Why a text is not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes are written as 0x and an even number of hexadecimal digits")]
pub struct HexError;

/// Returns bytes as `0x` and two digits for each.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    let mut text = String::with_capacity(bytes.len().saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// Returns the bytes of a text that [`encode_hex`] may have written.
///
/// # Errors
///
/// [`HexError`] if it is not such a text.
pub fn decode_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let digits = text.strip_prefix("0x").ok_or(HexError)?.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(HexError);
    }
    let value =
        |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Ok(value(high).ok_or(HexError)? << 4 | value(low).ok_or(HexError)?),
            _ => Err(HexError),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_from_their_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode_hex(&encode_hex(&bytes)), Ok(bytes));
        for text in ["", "00", "0x0", "0xzz", "0x+1"] {
            assert_eq!(decode_hex(text), Err(HexError), "{text}");
        }
    }
}
