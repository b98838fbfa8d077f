package voice

import "math/bits"

// alaw codes a sample by ITU-T G.711, table 1a, even bits inverted.
func alaw(s int16) byte {
	v, sign := int(s)>>3, byte(0xD5) // 13 bits
	if v < 0 {
		v, sign = -v-1, 0x55
	}
	if v < 32 {
		return byte(v>>1) ^ sign
	}
	exp := bits.Len(uint(v)) - 5 // 1 to 7
	return (byte(exp<<4) | byte(v>>exp)&0x0F) ^ sign
}

// ulaw codes a sample by ITU-T G.711, table 2a.
func ulaw(s int16) byte {
	const bias, clip = 33, 8158      // so that clip+bias has 13 bits
	v, sign := int(s)>>2, byte(0xFF) // 14 bits
	if v < 0 {
		v, sign = -v, 0x7F
	}
	v = min(v, clip) + bias
	exp := bits.Len(uint(v)) - 6
	return (byte(exp<<4) | byte(v>>(exp+1))&0x0F) ^ sign
}

// encode codes 8 kHz samples for one of the two laws.
func encode(samples []int16, isULaw bool) []byte {
	out := make([]byte, len(samples))
	for i, s := range samples {
		if isULaw {
			out[i] = ulaw(s)
		} else {
			out[i] = alaw(s)
		}
	}
	return out
}
