"""Still pictures: headers, decoding, encoding."""
