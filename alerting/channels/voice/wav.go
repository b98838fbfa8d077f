package voice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// rate is the sample rate of telephony, in hertz.
const rate = 8000

var errNotWAV = errors.New("not a WAV file with 16-bit PCM of 8 to 48 kHz")

// parseWAV gives the samples at 8 kHz, mono. A data chunk longer than the file
// is taken as far as it goes: espeak-ng writes to a pipe and can't know it.
func parseWAV(b []byte) ([]int16, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errNotWAV
	}
	var channels, hz int
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		body := b[:min(size, int64(len(b)))]
		switch {
		case id == "fmt " && len(body) >= 16:
			format := binary.LittleEndian.Uint16(body)
			channels, hz = int(binary.LittleEndian.Uint16(body[2:])), int(binary.LittleEndian.Uint32(body[4:]))
			depth := binary.LittleEndian.Uint16(body[14:])
			if format != 1 || depth != 16 || channels < 1 || channels > 2 || hz < rate || hz > 48000 {
				return nil, fmt.Errorf("%w: format %d, %d bits, %d channels, %d Hz", errNotWAV, format, depth, channels, hz)
			}
		case id == "data":
			if hz == 0 {
				return nil, errNotWAV
			}
			return resample(mono(body, channels), hz), nil
		}
		b = b[min(int64(len(body))+size&1, int64(len(b))):]
	}
	return nil, errNotWAV
}

func mono(b []byte, channels int) []float64 {
	out := make([]float64, 0, len(b)/2/channels)
	for step := 2 * channels; len(b) >= step; b = b[step:] {
		sum := 0.0
		for c := range channels {
			sum += float64(int16(binary.LittleEndian.Uint16(b[2*c:])))
		}
		out = append(out, sum/float64(channels))
	}
	return out
}

// taps is how many input samples on each side make an output sample.
const taps = 24

// resample converts to 8 kHz by a Hann-windowed sinc with its edge at 3.6 kHz,
// so that nothing above half the rate folds back as noise.
func resample(in []float64, hz int) []int16 {
	if hz == rate {
		out := make([]int16, len(in))
		for i, v := range in {
			out[i] = clip(v)
		}
		return out
	}
	cut := 2 * 3600 / float64(hz)
	out := make([]int16, int64(len(in))*rate/int64(hz))
	for i := range out {
		at := float64(i) * float64(hz) / rate
		first := int(at) - taps + 1
		sum, weight := 0.0, 0.0
		for k := max(0, first); k < min(len(in), first+2*taps); k++ {
			d := at - float64(k)
			w := 0.5 * (1 + math.Cos(math.Pi*d/(taps+1)))
			if x := math.Pi * cut * d; x != 0 {
				w *= math.Sin(x) / x
			}
			sum, weight = sum+w*in[k], weight+w
		}
		if weight != 0 {
			out[i] = clip(sum / weight)
		}
	}
	return out
}

func clip(v float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v))))
}

// tone is a beep of 440 Hz, for when there is no voice.
func tone(seconds float64) []int16 {
	out := make([]int16, int(seconds*rate))
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/rate))
	}
	return out
}
